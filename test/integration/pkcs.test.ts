import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPrivateKey, hash, X509Certificate } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { EventRecord } from '../../src/events/index.ts'
import { OID, parseCertificate } from '../../src/pki/index.ts'
import { withoutBatches } from '../support/item-story.ts'
import {
  type Device,
  type Payload,
  type Queued,
  type ServiceStage,
  startServiceStage,
} from '../support/queued-work.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'

/** pfx.md, 7: for S-1-5-21-1111111111-2222222222-3333333333-1001. */
const SID_VECTOR =
  '3040a03e060a2b060104018237190201a030042e532d312d352d32312d313131313131313131312d323232323232323232322d333333333333333333332d31303031'

const ids = (events: readonly EventRecord[]): number[] =>
  events.map(({ eventId }) => eventId).toSorted((a, b) => a - b)

describe('a certificate with its key for a device, from the queue to the device', () => {
  let on: ServiceStage
  let stage: TestConnector
  let shiftMs = 0
  const clock = { now: () => new Date(Date.now() + shiftMs) }

  before(async () => {
    on = await startServiceStage()
    stage = await startTestConnector((same) => on.configured(same), undefined, clock)
  })
  after(async () => {
    // What the stop finds wrong is what this file should fail with, not a simulator that keeps the process alive.
    try {
      await stage.remove()
    } finally {
      await on.close()
    }
  })

  const queue = async (order: object = {}): Promise<Queued> =>
    await on.control('POST', 'work/pkcs', { user: 'alice', ...order })

  /** A re-encryption that nobody can do: there is no copy. */
  const queueBare = async (): Promise<Queued> =>
    await on.control('POST', 'work/pkcsRecrypt', {
      thumbprint: '0'.repeat(40),
      escrowCms: 'AA==',
      members: { escrowPayload: null },
    })

  /** All events of one item, by the words of its Admin event. */
  async function story(adminId: number, serialOrContext: string): Promise<readonly EventRecord[]> {
    const [admin] = await stage
      .waitForEvents({ id: adminId }, (found) =>
        found.some((one) => JSON.stringify(one).includes(serialOrContext)),
      )
      .then((found) => found.filter((one) => JSON.stringify(one).includes(serialOrContext)))
    return await stage.events({ transactionId: admin?.transactionId ?? '' })
  }

  /** Opens a payload with openssl alone; PEM of everything in the PFX. */
  function install(device: Device, payload: Payload): string {
    const password = on.openCms(device, payload.encryptedPfxPassword)
    assert.ok(password)
    assert.match(password, /^[A-Za-z0-9_-]{32}$/)
    on.write('a.pfx', Buffer.from(payload.encryptedPfxBlob, 'base64'))
    on.write('password', password)
    return execFileSync(
      'openssl',
      ['pkcs12', '-in', 'a.pfx', '-nodes', '-passin', 'file:password'],
      { cwd: on.folder, encoding: 'utf8' },
    )
  }

  test('events 1000, 1002, 1020, 1050, 1100, 1102: the device opens it with openssl; chain, SID and names are right', async () => {
    const device = await on.device()
    const { requestContext } = await queue({ deviceId: device.deviceId })
    const { state, results } = await on.closed('pkcs', requestContext)
    assert.match(state, /succeeded/i)
    const result = results[0]?.result ?? {}
    const pem = install(device, result['payload'] as Payload)
    const certificates =
      pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? []
    const key = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n/.exec(pem)?.[0] ?? ''
    const [leaf = '', ...chain] = certificates
    assert.ok(new X509Certificate(leaf).checkPrivateKey(createPrivateKey(key)))
    on.write('leaf.pem', leaf)
    on.write('chain.pem', chain.join(''))
    execFileSync(
      'openssl',
      ['verify', '-CAfile', 'chain.pem', '-purpose', 'sslclient', 'leaf.pem'],
      { cwd: on.folder },
    )
    const parsed = parseCertificate(new Uint8Array(new X509Certificate(leaf).raw))
    assert.equal(parsed.subject, 'CN=alice,emailAddress=alice@corp.example,O=Corp')
    const sid = parsed.extensions.find(({ oid }) => oid === OID.ntdsCaSecurity)
    assert.equal(Buffer.from(sid?.valueDer ?? []).toString('hex'), SID_VECTOR)
    assert.equal(result['serialNumber'], parsed.serialHex)
    const events = await story(1000, parsed.serialHex)
    assert.deepEqual(ids(events), [1000, 1002, 1020, 1050, 1100, 1102])
  })

  for (const [title, members, code, pattern] of [
    [
      'a template that is not configured',
      { certificateTemplateName: 'DomainController' },
      'NotSupportedError',
      /DomainController/,
    ],
    [
      'another organisation in the subject',
      { subjectName: 'CN=alice,O=Other' },
      'NotSupportedError',
      /O of the subject/,
    ],
    [
      'a variable that was not resolved',
      { subjectName: 'CN={{UserName}}' },
      'ParameterDataInvalidError',
      /variable/,
    ],
    ['five years', { certificateValidityPeriodValue: 5 }, 'NotSupportedError', /5 years/],
  ] as const)
    test(`events 1001, 1052: beyond the configuration nothing is issued: ${title}`, async () => {
      const { requestContext } = await queue({ members })
      const { results } = await on.closed('pkcs', requestContext)
      assert.equal(results[0]?.result['errorCode'], code)
      assert.match(String(results[0]?.result['errorMessage']), pattern)
      const [, word = ''] = pattern.exec(String(results[0]?.result['errorMessage'])) ?? []
      const events = await story(1001, word || String(results[0]?.result['errorMessage']))
      assert.deepEqual(ids(withoutBatches(events)), [1001, 1020, 1052, 1102])
    })

  test('a key for another device than the item’s is not sealed, and nothing is issued', async () => {
    const [other, device] = [await on.device(), await on.device()]
    const issued = (await stage.events({ id: 1050 })).length
    const recipients = [
      {
        type: 'device',
        certificate: other.certificateBase64,
        chain: other.chainBase64,
        thumbprint: other.thumbprint,
      },
    ]
    const { requestContext } = await queue({ deviceId: device.deviceId, members: { recipients } })
    const { results } = await on.closed('pkcs', requestContext)
    assert.equal(results[0]?.result['errorCode'], 'CryptographyError')
    assert.equal((await stage.events({ id: 1050 })).length, issued)
  })

  test('events 1001, 1032, 1052: what is for DigiCert says so, and is not done by a CA that is not', async () => {
    const { requestContext } = await queue({ members: { caProvider: 'digicert' } })
    const { results } = await on.closed('pkcs', requestContext)
    assert.equal(results[0]?.result['errorCode'], 'NotSupportedError')
    const events = await story(1001, 'the request is for digicert')
    assert.deepEqual(ids(withoutBatches(events)), [1001, 1020, 1032, 1052, 1102])
  })

  test('what is for a CA of another connector is not lent to this one', async () => {
    const { requestContext } = await queue({ members: { certificationAuthorityName: 'Else CA' } })
    const later = await queue()
    await on.closed('pkcs', later.requestContext)
    const { value } = await on.control<{ value: (Queued & { attempt: number })[] }>(
      'GET',
      'work/pkcs',
    )
    const found = value.find((one) => one.requestContext === requestContext)
    assert.equal(found?.state, 'queued')
    assert.equal(found?.attempt, 0)
  })

  test('events 1200, 1202, 1220, 1250, 1251, 1300, 1302: sealed again, the new key of the device opens it and the old one does not', async () => {
    const old = await on.device()
    const first = await queue({ deviceId: old.deviceId, escrow: true })
    const issued = (await on.closed('pkcs', first.requestContext)).results[0]?.result ?? {}
    const escrow = issued['escrowPayload'] as { cms: string }
    const renewed = await on.device(old.deviceId)
    assert.notEqual(renewed.thumbprint, old.thumbprint)
    const second = await on.control<Queued>('POST', 'work/pkcsRecrypt', {
      deviceId: old.deviceId,
      thumbprint: issued['thumbprint'],
      escrowCms: escrow.cms,
      escrow: true,
    })
    const result = (await on.closed('pkcsRecrypt', second.requestContext)).results[0]?.result ?? {}
    assert.equal(result['errorCode'], 'None', String(result['errorMessage']))
    const payload = result['payload'] as Payload
    assert.equal(on.openCms(old, payload.encryptedPfxPassword), undefined)
    const pem = install(renewed, payload)
    const leaf = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(pem)?.[0] ?? ''
    assert.equal(new X509Certificate(leaf).raw.toString('base64'), issued['certificate'])
    assert.ok(result['escrowPayload'])
    const events = await story(1200, renewed.thumbprint.toUpperCase())
    assert.deepEqual(ids(events), [1200, 1202, 1220, 1250, 1251, 1300, 1302])
  })

  test('events 1201, 1252: without an escrow copy the service is told to ask for a new certificate', async () => {
    const { requestContext } = await queueBare()
    const { results } = await on.closed('pkcsRecrypt', requestContext)
    assert.equal(results[0]?.result['errorCode'], 'NotSupportedError')
    const events = await story(1201, 'ask for a new certificate')
    assert.deepEqual(ids(withoutBatches(events)), [1201, 1220, 1252, 1302])
  })

  /** What the logs hold of one item. */
  async function eventsOf({ requestContext }: Queued): Promise<readonly EventRecord[]> {
    const own = hash('sha256', requestContext).slice(0, 16)
    return (await stage.events()).filter(({ requestContextHash }) => requestContextHash === own)
  }

  /** The same, once the item has its Admin event. */
  async function storyOf(queued: Queued): Promise<readonly number[]> {
    await stage.waitForEvents({ channel: 'admin' }, (found) =>
      found.some(({ requestContextHash = '-' }) =>
        hash('sha256', queued.requestContext).startsWith(requestContextHash),
      ),
    )
    return ids(withoutBatches(await eventsOf(queued)))
  }

  test('events 1101, 1301: results that cannot be uploaded wait, and their Admin events with them', async () => {
    await on.control('POST', 'faults', { hop: 'ocs-upload', fault: '503' })
    const [issued, bare] = [await queue(), await queueBare()]
    for (const id of [1101, 1301]) {
      const [failed] = await stage.waitForEvents({ id }, (found) => found.length > 0)
      assert.equal(failed?.httpStatus, 503)
      assert.equal(failed.count, 1)
    }
    assert.deepEqual(ids(withoutBatches(await eventsOf(issued))), [1020, 1050])
    assert.deepEqual(ids(withoutBatches(await eventsOf(bare))), [1220, 1252])
    await on.control('DELETE', 'faults')
    shiftMs += 6000
    assert.deepEqual(await storyOf(issued), [1000, 1020, 1050, 1102])
    assert.deepEqual(await storyOf(bare), [1201, 1220, 1252, 1302])
  })

  test('events 1003, 1203: a download that fails is repeated, and what is queued comes with a later one', async () => {
    await on.control('POST', 'faults', { hop: 'ocs-download', fault: '500' })
    // Ends the downloads that wait for work; the next ones meet the fault.
    await Promise.all([queue(), queueBare()])
    for (const id of [1003, 1203]) {
      const [failed] = await stage.waitForEvents({ id }, (found) => found.length > 0)
      assert.equal(failed?.httpStatus, 500)
    }
    const [issued, bare] = [await queue(), await queueBare()]
    await on.control('DELETE', 'faults')
    shiftMs += 34_000
    assert.deepEqual(await storyOf(issued), [1000, 1020, 1050, 1102])
    assert.deepEqual(await storyOf(bare), [1201, 1220, 1252, 1302])
  })
})
