import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { Secret } from '../../../src/kernel/index.ts'
import { checkImport, findIdentity, type ImportFacts, openPfx } from '../../../src/pfx/index.ts'
import {
  createFolder,
  type IdentityOptions,
  makeIdentity,
  makePfx,
  PASSWORD,
} from './pfx-fixtures.ts'

const folder = createFolder()
after(() => folder[Symbol.dispose]())
const mail: IdentityOptions = {
  key: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  extensions: ['keyUsage=digitalSignature,keyEncipherment', 'extendedKeyUsage=emailProtection'],
}
const signing: IdentityOptions = {
  ...mail,
  extensions: ['keyUsage=digitalSignature', 'extendedKeyUsage=clientAuth'],
}
makeIdentity(folder.path, 'mail', mail)
makeIdentity(folder.path, 'signing', signing)
makeIdentity(folder.path, 'plain', { key: ['ed25519'] })

function facts(name: string, more: Partial<ImportFacts> = {}): ImportFacts {
  const pfx = makePfx(folder.path, name, PASSWORD, '-iter', '100000', '-certfile', 'signing.crt')
  const opened = openPfx(pfx, PASSWORD)
  return {
    identity: findIdentity(opened),
    protection: opened.protection,
    password: new Secret(PASSWORD),
    maxPasswordOctets: 126,
    purpose: 'smimeEncryption',
    allowExpired: false,
    now: new Date(),
    ...more,
  }
}
const inYears = (years: number): Date => new Date(Date.now() + years * 365.25 * 24 * 3_600_000)
const good = facts('mail')
const { protection } = good

describe('judging an import', () => {
  test('a good one has neither problems nor warnings', () => {
    assert.deepEqual(checkImport(good), { problems: [], warnings: [] })
  })

  const long = (length: number): Secret => new Secret('x'.repeat(length))
  for (const [title, changes, pattern] of [
    ['a password of 127 octets where 126 fit', { password: long(127) }, /127 octets.*take 126/],
    ['a password beyond ASCII', { password: new Secret('pässwört mit 24 Zeichen..') }, /ASCII/],
    ['a password with a control character', { password: new Secret('tab\tbar') }, /ASCII/],
    ['no password', { password: new Secret('') }, /empty/],
    ['a certificate that has ended', { now: inYears(2) }, /ended on .*--allow-expired/],
  ] as const)
    test(`${title} is a problem, told without the password`, () => {
      const { problems } = checkImport({ ...good, ...changes })
      assert.equal(problems.length, 1)
      assert.match(problems[0] ?? '', pattern)
      const password = 'password' in changes ? changes.password.reveal() : PASSWORD
      assert.ok(password === '' || !problems.join().includes(password))
    })

  test('126 octets fit', () => {
    assert.deepEqual(checkImport({ ...good, password: long(126) }).problems, [])
  })

  test('a key that devices do not take is a problem', () => {
    assert.match(checkImport(facts('plain')).problems.join(), /ed25519; devices take RSA and EC/)
  })

  for (const [title, changes, pattern] of [
    ['an ended certificate that is wanted', { now: inYears(2), allowExpired: true }, /ended on/],
    ['one that ends soon', { now: new Date(Date.now() + 345 * 86_400_000) }, /not renewed/],
    ['one that has not begun', { now: inYears(-1) }, /begins on/],
    ['a short password', { password: new Secret('hunter2') }, /7 characters/],
    [
      'an old cipher',
      { protection: { ...protection, ciphers: ['RC2-40'], hasOldCipher: true } },
      /RC2-40/,
    ],
    ['few iterations', { protection: { ...protection, iterations: 2048 } }, /2048 iterations/],
    ['no MAC', { protection: { ...protection, hasMac: false } }, /no MAC/],
    ['an open key', { protection: { ...protection, hasOpenKey: true } }, /not encrypted/],
    ['no chain', { identity: { ...good.identity, others: [] } }, /no issuer certificate/],
    ['a purpose that is not supported', { purpose: 'vpn' }, /not supported/],
    ['a purpose of other usages', { purpose: 'wifi' }, /extended key usage 1.3.6.1.5.5.7.3.2/],
  ] as const)
    test(`${title} is a warning`, () => {
      const { problems, warnings } = checkImport({ ...good, ...changes })
      assert.deepEqual(problems, [])
      assert.match(warnings.join('\n'), pattern)
    })

  test('a certificate that signs only does not encrypt mail', () => {
    assert.match(checkImport(facts('signing')).warnings.join(), /keyEncipherment or keyAgreement/)
  })
})
