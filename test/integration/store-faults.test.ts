import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createInsistentDevice, type InsistentDevice } from '../support/insistent-device.ts'
import { atTheMomentOfSigning } from '../support/moment-of-signing.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'

/** The disk under the store goes away, and comes back. */
function diskOf({ dataDir }: TestConnector) {
  const file = join(dataDir, 'connector.db')
  return {
    goAway: () => renameSync(file, `${file}.away`),
    comeBack: () => {
      if (existsSync(`${file}.away`)) renameSync(`${file}.away`, file)
    },
  }
}

function listSpool({ dataDir }: TestConnector): readonly string[] {
  const folder = join(dataDir, 'spool')
  return existsSync(folder) ? readdirSync(folder) : []
}

async function idsOf(running: TestConnector, { transactionId }: InsistentDevice, isAdmin = false) {
  const found = await running.events({
    transactionId,
    ...(isAdmin ? { channel: 'admin' as const } : {}),
  })
  return found.map(({ eventId }) => eventId)
}

describe('the store goes away', () => {
  let running: TestConnector
  before(async () => {
    running = await startTestConnector()
  })
  after(() => running.remove())

  test('before signing: nothing is signed, and the failure is told when it is back', async () => {
    const url = running.scepUrl()
    const device = await createInsistentDevice(url, await running.challenge())
    const disk = diskOf(running)
    let hasSigned = false
    const stopWatching = atTheMomentOfSigning(() => {
      hasSigned = true
    })
    disk.goAway()
    assert.equal((await device.send(url)).kind, 'refused')
    stopWatching()
    assert.equal(hasSigned, false)
    disk.comeBack()
    const { transactionId } = device
    const admin = await running.waitForEvents(
      { channel: 'admin', transactionId },
      (found) => found.length > 0,
    )
    assert.deepEqual(
      admin.map(({ eventId }) => eventId),
      [4001],
    )
  })

  test('after signing: spool file, certificate, then replay; Intune is told when it is back', async () => {
    const url = running.scepUrl()
    const device = await createInsistentDevice(url, await running.challenge())
    const disk = diskOf(running)
    atTheMomentOfSigning(disk.goAway)
    const first = await device.send(url)
    assert.equal(first.kind, 'issued')
    assert.equal(listSpool(running).length, 1)
    assert.deepEqual(await idsOf(running, device), [4003, 4004, 4006, 71])
    disk.comeBack()
    const { transactionId } = device
    await running.waitForEvents({ channel: 'admin', transactionId }, (found) => found.length > 0)
    assert.deepEqual(await idsOf(running, device), [4003, 4004, 4006, 71, 70, 4008, 4000])
    assert.deepEqual(listSpool(running), [])
    assert.deepEqual(await device.send(url), first)
  })

  test('event 4010: after signing, and the spool too: 4010, one Admin event, and no certificate leaves', async () => {
    const url = running.scepUrl()
    const device = await createInsistentDevice(url, await running.challenge())
    const disk = diskOf(running)
    const spool = join(running.dataDir, 'spool')
    atTheMomentOfSigning(() => {
      disk.goAway()
      rmSync(spool, { recursive: true, force: true })
      writeFileSync(spool, 'a file where a folder should be')
    })
    const first = await device.send(url)
    assert.equal(first.kind, 'refused')
    assert.deepEqual(await idsOf(running, device), [4003, 4004, 4006, 4010, 4002])
    disk.comeBack()
    rmSync(spool)
    mkdirSync(spool)
    const second = await device.send(url)
    assert.equal(second.kind, 'issued')
  })

  test('after signing and over a restart: the next life replays', async () => {
    const url = running.scepUrl('static')
    const device = await createInsistentDevice(url, 'secret')
    const disk = diskOf(running)
    atTheMomentOfSigning(disk.goAway)
    const first = await device.send(url)
    assert.equal(first.kind, 'issued')
    await running.stop()
    disk.comeBack()
    running = await startTestConnector(undefined, running.dataDir)
    assert.deepEqual(listSpool(running), [])
    assert.deepEqual(await device.send(running.scepUrl('static')), first)
    assert.deepEqual(await idsOf(running, device, true), [4000])
  })
})

describe('a strict profile whose store goes away after signing', () => {
  let running: TestConnector
  before(async () => {
    running = await startTestConnector((same) => ({
      ...same,
      profiles: same.profiles.map((profile) => ({ ...profile, notifyMode: 'strict' as const })),
    }))
  })
  after(() => running.remove())

  test('no certificate leaves before Intune has said yes', async () => {
    const url = running.scepUrl()
    const device = await createInsistentDevice(url, await running.challenge())
    const disk = diskOf(running)
    atTheMomentOfSigning(disk.goAway)
    assert.equal((await device.send(url)).kind, 'refused')
    assert.equal(listSpool(running).length, 1)
    disk.comeBack()
    assert.equal((await device.send(url)).kind, 'issued')
    assert.deepEqual(await idsOf(running, device, true), [4000])
    const { value } = (await running.control('GET', '/control/notifications')) as {
      value: { transactionId: string }[]
    }
    assert.deepEqual(
      value.map(({ transactionId }) => transactionId),
      [device.transactionId],
    )
  })
})
