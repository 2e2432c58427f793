import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import {
  type Authority,
  cancelRollOver,
  describeAuthority,
  findCurrent,
  findNext,
  findRetirement,
  listCaIds,
  loadAuthority,
  renewRa,
  rollAuthority,
} from '../../../src/ca/index.ts'
import { parseCertificate } from '../../../src/pki/index.ts'
import {
  createAuthorityIn,
  createFolder,
  daysAfter,
  FOLDER_OPTIONS,
  NOW,
  openssl,
  PASSPHRASE,
  writePem,
} from './ca-fixtures.ts'

const HAND_OVER = daysAfter(30)
const OPTIONS = { ...FOLDER_OPTIONS, handOverAt: HAND_OVER, hasNewRoot: false }

const filesOf = (path: string, kind: RegExp) => readdirSync(path).filter((name) => kind.test(name))

/** A folder whose CA was rolled over once, at NOW. */
const rolled = createFolder()
let authority: Authority
process.once('exit', () => rolled[Symbol.dispose]())

function copyRolled() {
  const folder = createFolder()
  cpSync(rolled.path, folder.path, { recursive: true })
  return folder
}

describe('the next CA', () => {
  before(async () => {
    await createAuthorityIn(rolled.path)
    await rollAuthority(rolled.path, PASSPHRASE, { ...OPTIONS, issuingYears: 11 })
    authority = await loadAuthority(rolled.path, PASSPHRASE)
  })

  test('has a name, a key and an RA of its own, under the same root', async () => {
    using folder = copyRolled()
    const [old, next] = authority.generations
    assert.ok(old && next)
    assert.deepEqual([next.number, next.handOverAt, next.cancelledAt], [2, HAND_OVER, undefined])
    assert.deepEqual(next.rootDer, old.rootDer)
    assert.equal(parseCertificate(next.issuingDer).subject, 'CN=Folder CA G2')
    assert.notDeepEqual(next.issuingKeyPkcs8Der, old.issuingKeyPkcs8Der)
    writePem(folder.path, 'root-of-both.pem', next.rootDer)
    for (const { issuingDer, ras } of [old, next]) {
      writePem(folder.path, 'issuer.pem', issuingDer)
      writePem(folder.path, 'ra.pem', ras[0]?.certificateDer ?? new Uint8Array())
      const words = ['verify', '-CAfile', 'root-of-both.pem', '-untrusted', 'issuer.pem']
      assert.match(openssl(folder.path, ...words, '-attime', '1782000000', 'ra.pem'), /: OK/)
    }
  })

  test('becomes the current one on its date, without anybody doing anything', async () => {
    const { generations } = authority
    const at = (moment: Date) => [
      findCurrent(generations, moment).number,
      findNext(generations, moment)?.number,
    ]
    assert.deepEqual(at(new Date(HAND_OVER.getTime() - 1)), [1, 2])
    assert.deepEqual(at(HAND_OVER), [2, undefined])
    assert.deepEqual(
      generations.map((one) => findRetirement(one, generations, daysAfter(31))),
      [HAND_OVER, undefined],
    )
    const described = await describeAuthority(rolled.path, NOW)
    assert.deepEqual(
      described.generations.map(({ state }) => state),
      ['current', 'next'],
    )
  })

  test('has an id of its own; a CA that was not made yet has one id', async () => {
    assert.deepEqual(await listCaIds(rolled.path, 'main'), ['main', 'main.2'])
    assert.deepEqual(await listCaIds(join(rolled.path, 'nowhere'), 'other'), ['other'])
  })

  test('is one at a time; cancelled it stays for its CRL, and its number is used up', async () => {
    using folder = copyRolled()
    await assert.rejects(rollAuthority(folder.path, PASSPHRASE, OPTIONS), {
      code: 'ca/refused',
      message: /2026-07-01T12:00:00.000Z.*ca roll --cancel/,
    })
    await cancelRollOver(folder.path, daysAfter(1))
    await assert.rejects(cancelRollOver(folder.path, daysAfter(2)), { code: 'ca/refused' })
    await rollAuthority(folder.path, PASSPHRASE, { ...OPTIONS, now: daysAfter(3) })
    const { generations } = await describeAuthority(folder.path, daysAfter(40))
    assert.deepEqual(
      generations.map(({ number, state }) => [number, state]),
      [
        [1, 'previous'],
        [2, 'cancelled'],
        [3, 'current'],
      ],
    )
  })

  test('cannot be cancelled after its hand-over', async () => {
    await assert.rejects(cancelRollOver(rolled.path, HAND_OVER), {
      code: 'ca/refused',
      message: /nothing to cancel/,
    })
  })

  test('needs the key of the root, or a root of its own', async () => {
    using folder = createFolder()
    await createAuthorityIn(folder.path)
    for (const name of filesOf(folder.path, /^root-.*\.key$/)) rmSync(join(folder.path, name))
    await assert.rejects(rollAuthority(folder.path, PASSPHRASE, OPTIONS), {
      code: 'key/unreadable',
      message: /put it back for this command, or take --new-root/,
    })
    const options = { ...OPTIONS, hasNewRoot: true, commonName: 'Another CA' }
    await rollAuthority(folder.path, PASSPHRASE, options)
    const { generations } = await describeAuthority(folder.path, NOW)
    assert.deepEqual(
      generations.map(({ certificates }) => certificates[0]?.subject),
      ['CN=Folder CA Root', 'CN=Another CA Root'],
    )
  })

  const refusals: readonly [title: string, options: object, message: RegExp][] = [
    ['a hand-over that has passed', { handOverAt: daysAfter(-1) }, /has passed already/],
    ['the name of an earlier CA', { commonName: 'Folder CA' }, /choose another with --name/],
    ['a root that ends before', { handOverAt: daysAfter(7400) }, /take --new-root/],
  ]
  for (const [title, more, message] of refusals) {
    test(`${title} is refused, and nothing is written`, async () => {
      using folder = createFolder()
      await createAuthorityIn(folder.path)
      const files = readdirSync(folder.path)
      const rolling = rollAuthority(folder.path, PASSPHRASE, { ...OPTIONS, ...more })
      await assert.rejects(rolling, { code: 'ca/refused', message })
      assert.deepEqual(readdirSync(folder.path), files)
    })
  }

  test('a roll-over that is cut off at any step leaves the old state, and can be done again', async () => {
    using folder = createFolder()
    const before = await createAuthorityIn(folder.path)
    // Randomness is drawn for two serial numbers, then twice for each encrypted key: there a step can be made to fail.
    for (const step of [2, 4]) {
      let drawn = 0
      const random = (length: number) => {
        if (drawn === step) throw new Error('cut off')
        drawn += 1
        return randomBytes(length)
      }
      await assert.rejects(
        rollAuthority(folder.path, PASSPHRASE, { ...OPTIONS, random }),
        /cut off/,
      )
      assert.deepEqual(await loadAuthority(folder.path, PASSPHRASE), before)
    }
    await rollAuthority(folder.path, PASSPHRASE, OPTIONS)
    assert.equal((await describeAuthority(folder.path, NOW)).generations.length, 2)
  })

  test('of two processes that roll over at once one wins, and the other leaves nothing behind', async () => {
    using folder = createFolder()
    await createAuthorityIn(folder.path)
    const both = await Promise.allSettled(
      [1, 2].map(() => rollAuthority(folder.path, PASSPHRASE, OPTIONS)),
    )
    const refused = both.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
    assert.equal(refused.length, 1)
    assert.equal(refused[0].code, 'ca/refused')
    assert.equal(filesOf(folder.path, /^issuing-.*\.key$/).length, 2)
    assert.equal((await describeAuthority(folder.path, NOW)).generations.length, 2)
  })

  test('REQ-48: after the hand-over the old RA decrypts during the overlap; the old issuing key stays until its CA ends', async () => {
    using folder = copyRolled()
    const options = { random: randomBytes, overlapDays: 30, raDays: 3650 }
    const here = { ...authority, directory: folder.path }
    const inOverlap = await renewRa(here, PASSPHRASE, { ...options, now: daysAfter(59) })
    assert.equal(inOverlap, here)
    const past = await renewRa(here, PASSPHRASE, { ...options, now: daysAfter(60) })
    assert.deepEqual(
      past.generations.map(({ ras }) => ras.length),
      [0, 1],
    )
    assert.equal(filesOf(folder.path, /^ra-.*\.key$/).length, 1)
    assert.equal(filesOf(folder.path, /^issuing-.*\.key$/).length, 2)
  })

  test('a generation whose CA has ended is removed; the root that the others have stays', async () => {
    using folder = copyRolled()
    const here = { ...authority, directory: folder.path }
    const options = { now: daysAfter(3660), random: randomBytes }
    const left = await renewRa(here, PASSPHRASE, options)
    assert.deepEqual(
      left.generations.map(({ number }) => number),
      [2],
    )
    assert.equal(filesOf(folder.path, /^issuing-.*\.key$/).length, 1)
    assert.equal(filesOf(folder.path, /^root-.*\.key$/).length, 1)
  })
})

test('a folder of the time before roll-over is read as one generation', async () => {
  using folder = createFolder()
  const authority = await createAuthorityIn(folder.path)
  const path = join(folder.path, 'authority-1.json')
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as {
    createdAt: string
    generations: { root: unknown; issuing: unknown; ras: unknown }[]
  }
  const [only] = manifest.generations
  const { createdAt } = manifest
  const old = { version: 1, createdAt, root: only?.root, issuing: only?.issuing, ras: only?.ras }
  writeFileSync(path, JSON.stringify(old))
  assert.deepEqual(await loadAuthority(folder.path, PASSPHRASE), authority)
})
