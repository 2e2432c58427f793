import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DirectorySubject } from '../../../../src/management/ports.ts'
import { json, type ScriptedAnswer } from '../../../support/scripted-https.ts'
import { ACTIVITY, type Bench, patient, startBench } from './fixture.ts'

const SID = 'S-1-5-21-1111111111-2222222222-3333333333-1001'
const GUID = '0f8fad5b-d9cb-469f-a165-70867728950e'
const OTHER = '1f8fad5b-d9cb-469f-a165-70867728950e'
const ada: DirectorySubject = { kind: 'user', userPrincipalName: "ada.o'hara#ext#@contoso.com" }
const adaIs = (sid: unknown): ScriptedAnswer =>
  json({ userPrincipalName: "Ada.O'Hara#EXT#@contoso.com", onPremisesSecurityIdentifier: sid })
const absent = json({ error: { code: 'Request_ResourceNotFound', message: 'none' } }, 404)

async function find(bench: Bench, subject: DirectorySubject = ada): Promise<string | undefined> {
  return await bench.client.sids.findSid(subject, ACTIVITY, patient)
}

function targets(bench: Bench): string[] {
  return bench.server.callsOf('other').map(({ target }) => decodeURIComponent(target))
}

describe('REQ-127: the SID of a subject, from Microsoft Graph', () => {
  test('a user is asked for by name, with what $select names and a Graph token', async () => {
    await using bench = await startBench()
    bench.server.always('other', adaIs(SID))
    assert.equal(await find(bench), SID)
    const [call] = bench.server.callsOf('other')
    assert.equal(
      call?.target,
      "/v1.0/users('ada.o''hara%23ext%23%40contoso.com')?$select=userPrincipalName,onPremisesSecurityIdentifier",
    )
    assert.match(String(call?.headers['authorization']), /^Bearer /)
    assert.equal(call?.headers['client-request-id'], ACTIVITY)
  })

  test('a managed device is found through its Entra device', async () => {
    await using bench = await startBench()
    bench.server.script('other', json({ id: GUID, azureADDeviceId: OTHER }))
    bench.server.script('other', json({ deviceId: OTHER, onPremisesSecurityIdentifier: SID }))
    assert.equal(await find(bench, { kind: 'managed-device', id: GUID }), SID)
    assert.deepEqual(targets(bench), [
      `/v1.0/deviceManagement/managedDevices/${GUID}?$select=id,azureADDeviceId`,
      `/v1.0/devices(deviceId='${OTHER}')?$select=deviceId,onPremisesSecurityIdentifier`,
    ])
  })

  test('a device that Entra ID does not know by this id is looked for in Intune', async () => {
    await using bench = await startBench()
    bench.server.script('other', absent, json({ id: GUID, azureADDeviceId: OTHER }))
    bench.server.script('other', json({ deviceId: OTHER, onPremisesSecurityIdentifier: SID }))
    assert.equal(await find(bench, { kind: 'device', id: GUID }), SID)
    assert.equal(bench.server.count('other'), 3)
  })

  for (const [title, answer] of [
    ['nobody of this name', absent],
    ['a user of the cloud only', adaIs(null)],
    ['a user without the member', adaIs(undefined)],
  ] as const)
    test(`${title}: no SID`, async () => {
      await using bench = await startBench()
      bench.server.always('other', answer)
      assert.equal(await find(bench), undefined)
    })

  for (const [title, answer, code] of [
    [
      'another user',
      json({ userPrincipalName: 'eve@contoso.com', onPremisesSecurityIdentifier: SID }),
      'management/bad-response',
    ],
    ['a SID of unknown form', adaIs('S-1-x'), 'management/bad-response'],
    ['a SID that is no text', adaIs(['S-1-5-21-1-2-3-1001']), 'management/bad-response'],
    ['no JSON', { status: 200, body: '<html>' }, 'management/bad-response'],
    ["a proxy's 404", { status: 404, body: '<html>' }, 'management/unavailable'],
    [
      'no permission',
      json({ error: { code: 'Authorization_RequestDenied' } }, 403),
      'management/unauthorized',
    ],
    ['503', { status: 503 }, 'management/unavailable'],
    ['a broken connection', 'reset', 'management/unavailable'],
  ] as const)
    test(`${title}: fails closed as ${code}, and is not kept`, async () => {
      await using bench = await startBench()
      bench.server.always('other', answer)
      await assert.rejects(find(bench), { code })
      bench.server.always('other', adaIs(SID))
      assert.equal(await find(bench), SID)
    })

  test('a refusal names the permission that lacks', async () => {
    await using bench = await startBench()
    bench.server.always('other', json({ error: { code: 'Authorization_RequestDenied' } }, 403))
    await assert.rejects(find(bench), /User\.Read\.All/)
    await assert.rejects(find(bench, { kind: 'device', id: GUID }), /Device\.Read\.All/)
    await assert.rejects(
      find(bench, { kind: 'managed-device', id: GUID }),
      /DeviceManagementManagedDevices\.Read\.All/,
    )
  })

  test('many at once share one question; the answer is kept ten minutes, none for one', async () => {
    await using bench = await startBench()
    bench.server.always('other', adaIs(SID))
    const all = await Promise.all(Array.from({ length: 20 }, () => find(bench)))
    assert.deepEqual(new Set(all), new Set([SID]))
    assert.equal(bench.server.count('other'), 1)
    bench.advance(10 * 60_000 - 1)
    await find(bench)
    assert.equal(bench.server.count('other'), 1)
    bench.server.always('other', absent)
    bench.advance(1)
    assert.equal(await find(bench), undefined)
    bench.advance(60_000 - 1)
    await find(bench)
    assert.equal(bench.server.count('other'), 2)
    bench.advance(1)
    await find(bench)
    assert.equal(bench.server.count('other'), 3)
  })

  test('whoever gives up waits no longer, and the others get the answer', async () => {
    await using bench = await startBench()
    bench.server.always('other', adaIs(SID))
    const stop = new AbortController()
    const impatient = bench.client.sids.findSid(ada, ACTIVITY, stop.signal)
    const other = find(bench)
    stop.abort()
    await assert.rejects(impatient, { code: 'management/unavailable', isTransient: true })
    assert.equal(await other, SID)
  })
})
