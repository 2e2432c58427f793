import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  createPublicKey,
  generateKeyPairSync,
  hash,
  randomBytes,
  X509Certificate,
} from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createPasswordKeys } from '../../../src/compose/password-keys.ts'
import { createPfxImport, type PfxImportPorts } from '../../../src/connector/pfx-import.ts'
import type { WorkTask } from '../../../src/connector/work/work-handler.ts'
import { encryptPassword, openKeyRing } from '../../../src/keys/index.ts'
import type { PkcsImportRequest } from '../../../src/management/index.ts'
import { findIdentity, openPfx } from '../../../src/pfx/index.ts'
import { parseCertificate } from '../../../src/pki/index.ts'
import { recordedJournal } from '../../support/recorded-journal.ts'
import { createFolder, openssl, PASSPHRASE } from '../ca/ca-fixtures.ts'
import { makeIdentity, makePfx, PASSWORD } from '../pfx/pfx-fixtures.ts'

const deviceId = 'aaaaaaaa-0000-4000-8000-000000000001'
const provider = 'Microsoft Software Key Storage Provider'
const folder = createFolder()
after(() => folder[Symbol.dispose]())
const p256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
const der = (name: string): Uint8Array =>
  new Uint8Array(new X509Certificate(readFileSync(join(folder.path, `${name}.crt`))).raw)

/** A device certificate of an issuer, both in the folder. */
function issueDevice(name: string, issuer: string, subject: string): void {
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`]
  openssl(folder.path, 'req', '-new', ...key, '-out', `${name}.csr`, '-subj', `/CN=${subject}`)
  const signed = [
    '-CA',
    `${issuer}.crt`,
    '-CAkey',
    `${issuer}.key`,
    '-CAcreateserial',
    '-days',
    '30',
  ]
  openssl(folder.path, 'x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, ...signed)
}
makeIdentity(folder.path, 'mdm', { key: p256 })
makeIdentity(folder.path, 'stranger', { key: p256 })
makeIdentity(folder.path, 'alice', { key: p256 })
issueDevice('device', 'mdm', deviceId)
issueDevice('other', 'mdm', deviceId.replace('1', '2'))
issueDevice('hostname', 'mdm', `${deviceId}.evil.example`)
issueDevice('foreign', 'stranger', deviceId)

const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const ring = openKeyRing(join(folder.path, 'ring'), PASSPHRASE, randomBytes)
await ring.add({ provider, key: 'K' }, key)
const pfx = makePfx(folder.path, 'alice', PASSWORD)
const thumbprintHex = hash('sha1', der('alice'), 'hex')

const recipientOf = (name: string): PkcsImportRequest['recipients'][number] => ({
  certificateDer: der(name),
  chain: [],
  thumbprintHex: hash('sha1', der(name), 'hex'),
  keyWrap: undefined,
  contentEncryption: undefined,
})
const seal = (padding: 'oaepSha256' | 'oaepSha512' | 'pkcs1', password = PASSWORD): Uint8Array =>
  encryptPassword(createPublicKey(key), padding, Buffer.from(password))

const request: PkcsImportRequest = {
  requestId: 'request-1',
  tenantId: undefined,
  deviceId,
  userId: undefined,
  profileId: 'profile-1',
  platform: 'windows10AndLater',
  userPrincipalName: 'alice@contoso.com',
  thumbprintHex,
  intendedPurpose: 'smimeEncryption',
  providerName: provider.toUpperCase(),
  keyName: 'k',
  paddingScheme: 'oaepSha512',
  notBefore: undefined,
  notAfter: undefined,
  pfx,
  encryptedPfxPassword: seal('oaepSha512'),
  appleProfiles: [Buffer.from('<plist/>')],
  recipients: [recipientOf('device')],
}

/** A key ring of which no key is broken. */
const whole = { isBroken: () => false, isUsable: async () => true }

async function carryOut(
  changes: Partial<PkcsImportRequest> = {},
  more: Partial<PfxImportPorts> & { readonly isLastAttempt?: boolean } = {},
) {
  const { journal, records } = recordedJournal()
  const handler = createPfxImport({
    keys: createPasswordKeys(ring, { acceptPkcs1: false }, whole),
    recipients: { deviceIssuers: [parseCertificate(der('mdm'))], minProfile: 'standard' },
    findThumbprint: async (bytes, password) =>
      hash('sha1', findIdentity(openPfx(bytes, password)).certificate.raw, 'hex'),
    parallel: 4,
    clock: { now: () => new Date() },
    random: randomBytes,
    ...more,
  })
  const task: WorkTask<'pkcsImport'> = {
    request: { ...request, ...changes },
    requestContext: 'context-1',
    isLastAttempt: more.isLastAttempt ?? false,
    progress: undefined,
    keep: async () => undefined,
    log: journal,
    signal: AbortSignal.timeout(60_000),
  }
  const verdict = await handler.carryOut(task)
  return {
    verdict,
    records,
    ids: records.map(({ eventId }) => eventId),
    text: JSON.stringify(records),
  }
}

/** What the device makes of a message, with the openssl command. */
function openOnDevice(sealed: Uint8Array): string {
  writeFileSync(join(folder.path, 'sealed'), sealed)
  const words = [
    'cms',
    '-decrypt',
    '-inform',
    'DER',
    '-in',
    'sealed',
    '-binary',
    '-recip',
    'device.crt',
  ]
  return execFileSync('openssl', [...words, '-inkey', 'device.key'], {
    cwd: folder.path,
    encoding: 'utf8',
  })
}

describe('delivering an imported PFX', () => {
  test('2050: the device opens the password, and with it the PFX that was imported', async () => {
    const { verdict, ids, text } = await carryOut()
    assert.deepEqual(ids, [2050])
    assert.ok(verdict.end.succeeded)
    const { value } = verdict.end
    const password = openOnDevice(value.encryptedPfxPassword)
    assert.equal(password, PASSWORD)
    assert.ok(findIdentity(openPfx(pfx, password)))
    assert.equal(value.encryptedPfxBlob, undefined)
    assert.equal(openOnDevice(value.encryptedAppleProfiles[0] ?? new Uint8Array()), '<plist/>')
    assert.equal(value.deviceKeyThumbprintHex, recipientOf('device').thumbprintHex)
    assert.ok(!text.includes(PASSWORD))
  })

  for (const [title, changes, pattern] of [
    [
      'a password for another padding',
      { encryptedPfxPassword: seal('oaepSha256') },
      /key\/decryption-failed/,
    ],
    ['a damaged password', { encryptedPfxPassword: new Uint8Array(256) }, /key\/decryption-failed/],
    [
      'PKCS #1 v1.5, which nobody asked for',
      { paddingScheme: 'pkcs1', encryptedPfxPassword: seal('pkcs1') },
      /pkcs1 is not accepted/,
    ],
    ['an unknown padding', { paddingScheme: 'oaepSha1' }, /oaepSha1 is not accepted/],
    [
      'a PFX of another password',
      { encryptedPfxPassword: seal('oaepSha512', 'another one') },
      /pfx\/unreadable/,
    ],
    [
      'another certificate than the record speaks of',
      { thumbprintHex: '0'.repeat(40) },
      /import\/refused/,
    ],
    ['no receiver', { recipients: [] }, /0 receivers/],
    [
      'two receivers',
      { recipients: [recipientOf('device'), recipientOf('device')] },
      /2 receivers/,
    ],
    ['a receiver of an unknown issuer', { recipients: [recipientOf('foreign')] }, /no issuer/],
    [
      'the certificate of another device',
      { recipients: [recipientOf('other')] },
      /id of the device/,
    ],
    [
      'a host name that only begins with the id',
      { recipients: [recipientOf('hostname')] },
      /id of the device/,
    ],
    [
      'a thumbprint of another certificate',
      { recipients: [{ ...recipientOf('device'), thumbprintHex: '0'.repeat(40) }] },
      /thumbprint/,
    ],
    [
      'a weaker protection than is configured',
      { recipients: [{ ...recipientOf('device'), keyWrap: 'rsa-pkcs1' }] },
      /weaker than the configured/,
    ],
    ['a device id that is none', { deviceId: 'device' }, /id of the device/],
  ] as const)
    test(`2052: ${title}; nothing is sealed and nothing is told of the password`, async () => {
      const { verdict, ids, text } = await carryOut(changes as Partial<PkcsImportRequest>)
      assert.deepEqual(ids, [2052])
      assert.ok(!verdict.end.succeeded)
      assert.equal(verdict.end.errorCode, 'CryptographyError')
      assert.match(verdict.end.errorMessage, pattern)
      assert.equal(verdict.isPassing, false)
      for (const secret of [PASSWORD, 'another one']) assert.ok(!text.includes(secret))
    })

  test('events 2051, 2052: 2051, and 2052 at the last attempt: the key is not in this key ring', async () => {
    for (const [isLastAttempt, id] of [
      [false, 2051],
      [true, 2052],
    ] as const) {
      const { verdict, ids } = await carryOut({ keyName: 'absent' }, { isLastAttempt })
      assert.deepEqual(ids, [id])
      assert.equal(verdict.isPassing, true)
    }
  })

  test('padding none is what Microsoft’s tool makes of no choice; PKCS #1 v1.5 is done where it is accepted', async () => {
    assert.ok((await carryOut({ paddingScheme: 'none' })).verdict.end.succeeded)
    const keys = createPasswordKeys(ring, { acceptPkcs1: true }, whole)
    const old = { paddingScheme: 'pkcs1', encryptedPfxPassword: seal('pkcs1') }
    assert.ok((await carryOut(old, { keys })).verdict.end.succeeded)
  })

  test('an old receiver gets 3DES where that is accepted', async () => {
    const recipients = [
      {
        ...recipientOf('device'),
        keyWrap: 'rsa-pkcs1',
        contentEncryption: 'des-ede3-cbc',
      } as const,
    ]
    const rules = { deviceIssuers: [parseCertificate(der('mdm'))], minProfile: 'msCompatTripleDes' }
    const { verdict } = await carryOut(
      { recipients },
      { recipients: rules as PfxImportPorts['recipients'] },
    )
    assert.ok(verdict.end.succeeded)
    assert.equal(openOnDevice(verdict.end.value.encryptedPfxPassword), PASSWORD)
  })

  test('a device certificate that has ended is refused', async () => {
    const clock = { now: () => new Date(Date.now() + 40 * 86_400_000) }
    const { verdict } = await carryOut({}, { clock })
    assert.ok(!verdict.end.succeeded)
    assert.match(verdict.end.errorMessage, /not valid now/)
  })
})
