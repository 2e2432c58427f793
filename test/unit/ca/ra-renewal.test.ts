import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  type Authority,
  checkRa,
  initAuthority,
  loadAuthority,
  renewRa,
  rotateRa,
} from '../../../src/ca/index.ts'
import { parseCertificate } from '../../../src/pki/index.ts'
import {
  createAuthorityIn,
  createFolder,
  daysAfter,
  FOLDER_OPTIONS,
  PASSPHRASE,
} from './ca-fixtures.ts'

const on = (day: number) => ({ now: daysAfter(day), random: randomBytes })

const rasOf = ({ generations }: Authority) => generations[0]?.ras ?? []

const raFiles = (path: string) => readdirSync(path).filter((name) => name.startsWith('ra-'))

describe('RA renewal', () => {
  test('an RA with more than a third of its life left stays', async () => {
    using folder = createFolder()
    const authority = await createAuthorityIn(folder.path)
    assert.deepEqual(checkRa(authority, on(486)), { isRenewalDue: false, outlived: 0 })
    assert.equal(await renewRa(authority, PASSPHRASE, on(486)), authority)
  })

  test('an RA with less than a third left gets a successor, and its key is kept', async () => {
    using folder = createFolder()
    const authority = await createAuthorityIn(folder.path)
    assert.equal(checkRa(authority, on(487)).isRenewalDue, true)
    const renewed = await renewRa(authority, PASSPHRASE, on(487))
    assert.deepEqual(
      rasOf(renewed).map(({ isCurrent, retiredAt }) => [isCurrent, retiredAt]),
      [
        [true, undefined],
        [false, daysAfter(487)],
      ],
    )
    assert.deepEqual(rasOf(renewed)[1]?.keyPkcs8Der, rasOf(authority)[0]?.keyPkcs8Der)
    assert.notDeepEqual(rasOf(renewed)[0]?.keyPkcs8Der, rasOf(authority)[0]?.keyPkcs8Der)
    assert.deepEqual(await loadAuthority(folder.path, PASSPHRASE), renewed)
  })

  test('one that was made while the clock was ahead gets a successor once the clock is right, and both decrypt', async () => {
    using folder = createFolder()
    const ahead = await renewRa(await createAuthorityIn(folder.path), PASSPHRASE, on(500))
    const right = await renewRa(ahead, PASSPHRASE, on(10))
    const [current, ...kept] = rasOf(right)
    assert.ok(current !== undefined)
    assert.equal(kept.length, 2)
    assert.ok(parseCertificate(current.certificateDer).notBefore < daysAfter(10))
    assert.equal(checkRa(right, on(10)).isRenewalDue, false)
  })

  test('REQ-48: a retired key is removed when its overlap is over, and not before', async () => {
    using folder = createFolder()
    const renewed = await renewRa(await createAuthorityIn(folder.path), PASSPHRASE, on(500))
    assert.equal(await renewRa(renewed, PASSPHRASE, on(529)), renewed)
    assert.equal(raFiles(folder.path).length, 4)
    const cleaned = await renewRa(renewed, PASSPHRASE, on(530))
    assert.equal(rasOf(cleaned).length, 1)
    assert.deepEqual(rasOf(cleaned)[0], rasOf(renewed)[0])
    assert.equal(raFiles(folder.path).length, 2)
  })

  test('REQ-48: the overlap can be longer', async () => {
    using folder = createFolder()
    const renewed = await renewRa(await createAuthorityIn(folder.path), PASSPHRASE, on(500))
    assert.equal(checkRa(renewed, { ...on(580), overlapDays: 90 }).outlived, 0)
    assert.equal(checkRa(renewed, { ...on(590), overlapDays: 90 }).outlived, 1)
  })

  test('a rotation by hand needs no reason, and several retired keys live side by side', async () => {
    using folder = createFolder()
    await createAuthorityIn(folder.path)
    await rotateRa(folder.path, PASSPHRASE, on(1))
    const authority = await rotateRa(folder.path, PASSPHRASE, on(2))
    assert.deepEqual(
      rasOf(authority).map(({ retiredAt }) => retiredAt),
      [undefined, daysAfter(2), daysAfter(1)],
    )
  })

  test('REQ-39: a rotation makes a pair where one is wanted, and the next one retires both', async () => {
    using folder = createFolder()
    await createAuthorityIn(folder.path)
    const pair = await rotateRa(folder.path, PASSPHRASE, { ...on(1), raPair: true })
    assert.deepEqual(
      rasOf(pair).map(({ retiredAt }) => retiredAt),
      [undefined, undefined, daysAfter(1)],
    )
    assert.deepEqual(await loadAuthority(folder.path, PASSPHRASE), pair)
    const single = await rotateRa(folder.path, PASSPHRASE, on(2))
    assert.deepEqual(
      rasOf(single).map(({ retiredAt }) => retiredAt),
      [undefined, daysAfter(2), daysAfter(2), daysAfter(1)],
    )
  })

  test('two processes that renew at once end with one successor', async () => {
    using folder = createFolder()
    const authority = await createAuthorityIn(folder.path)
    const both = await Promise.all([
      renewRa(authority, PASSPHRASE, on(500)),
      renewRa(authority, PASSPHRASE, on(500)),
    ])
    assert.deepEqual(both[0], both[1])
    assert.equal(both[0]?.generations[0]?.ras.length, 2)
    assert.equal(raFiles(folder.path).length, 4)
  })

  test('a process with an old view loads the successor instead of making another', async () => {
    using folder = createFolder()
    const old = await createAuthorityIn(folder.path)
    const renewed = await renewRa(old, PASSPHRASE, on(500))
    assert.deepEqual(await renewRa(old, PASSPHRASE, on(501)), renewed)
  })

  test('a crash before the manifest leaves the old state, and the files do not count', async () => {
    using folder = createFolder()
    const authority = await createAuthorityIn(folder.path)
    await rotateRa(folder.path, PASSPHRASE, on(1))
    rmSync(join(folder.path, 'authority-2.json'))
    assert.deepEqual(await loadAuthority(folder.path, PASSPHRASE), authority)
  })

  test('a crash between the manifest and the removals is made good by the next round', async () => {
    using folder = createFolder()
    using safe = createFolder()
    const renewed = await renewRa(await createAuthorityIn(folder.path), PASSPHRASE, on(500))
    for (const name of raFiles(folder.path)) {
      copyFileSync(join(folder.path, name), join(safe.path, name))
    }
    const cleaned = await renewRa(renewed, PASSPHRASE, on(530))
    for (const name of raFiles(safe.path)) {
      if (!existsSync(join(folder.path, name))) {
        copyFileSync(join(safe.path, name), join(folder.path, name))
      }
    }
    assert.equal(raFiles(folder.path).length, 4)
    assert.equal(await renewRa(cleaned, PASSPHRASE, on(531)), cleaned)
    assert.equal(raFiles(folder.path).length, 2)
  })

  test('a CA about to end does not make a new RA at every check', async () => {
    using folder = createFolder()
    const { authority } = await initAuthority(folder.path, PASSPHRASE, {
      ...FOLDER_OPTIONS,
      issuingYears: 1,
    })
    assert.equal(checkRa(authority, on(360)).isRenewalDue, false)
  })
})
