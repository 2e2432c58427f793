import assert from 'node:assert/strict'
import { randomBytes, X509Certificate } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import {
  createKeyPairs,
  createPayloadCipher,
  createPkcsIssuance,
  createWorkLoop,
  type WorkLoop,
} from '../../src/connector/index.ts'
import { defaultWorkOptions } from '../../src/connector/work/work-ports.ts'
import { encodePfx, findIdentity, generatePfxPassword, openPfx } from '../../src/pfx/index.ts'
import { parseCertificate } from '../../src/pki/index.ts'
import type { Store } from '../../src/store/index.ts'
import { listAdminProblems } from '../support/admin-once.ts'
import { openServiceClient } from '../support/open-service-client.ts'
import { createSigningCa, sampleTemplate } from '../support/pkcs-samples.ts'
import { type Payload, type ServiceStage, startServiceStage } from '../support/queued-work.ts'
import { recordedJournal } from '../support/recorded-journal.ts'
import { openSqliteHarness } from '../support/sqlite-stores.ts'

type SigningCa = Awaited<ReturnType<typeof createSigningCa>>

let shiftMs = 0
const clock = { now: () => new Date(Date.now() + shiftMs) }
const template = {
  ...sampleTemplate,
  subjectAltNames: ['userPrincipalName=*@corp.example', 'emailAddress=*@corp.example'],
}

/** A connector with a database of its own, which can die and be started again. */
async function createConnector(stage: ServiceStage, signing: SigningCa) {
  const service = openServiceClient(stage.service)
  await service.keepEnrolled(AbortSignal.timeout(20_000))
  const harness = await openSqliteHarness()
  const cipher = createPayloadCipher(randomBytes(32))
  const recorded = recordedJournal(clock)
  const beforeDeath = recordedJournal(clock)
  const loops: WorkLoop[] = []

  /** @param isMortal the process ends when it is about to give an item back */
  async function start(store: Store, isMortal = false): Promise<{ readonly death: AbortSignal }> {
    const death = new AbortController()
    const queue = service.queue('pkcs')
    const mortal: typeof queue = {
      ...queue,
      // The calls of a process end with it.
      download: async (terms) =>
        await queue.download({ ...terms, signal: AbortSignal.any([terms.signal, death.signal]) }),
      async releaseLeases() {
        await store.close()
        death.abort()
        throw new Error('dead')
      },
    }
    const handler = createPkcsIssuance({
      templates: [template],
      authorities: { current: () => signing.ca, find: () => signing.ca },
      certificates: store.certificates,
      keyPairs: createKeyPairs(0),
      recipients: {
        deviceIssuers: [
          parseCertificate(new Uint8Array(new X509Certificate(stage.service.deviceCaPem).raw)),
        ],
        minProfile: 'standard',
      },
      fleetIssuer: () => undefined,
      pfx: {
        generatePassword: () => generatePfxPassword(randomBytes),
        encode: (content, password, encryption) =>
          encodePfx(content, password, encryption, randomBytes, 10),
      },
      random: randomBytes,
      parallel: 4,
      clock,
      holder: 'one',
    })
    const loop = createWorkLoop(
      {
        queue: isMortal ? mortal : queue,
        handler,
        items: store.work,
        leases: store.leases,
        cipher,
        journal: (isMortal ? beforeDeath : recorded).journal,
        flush: async () => undefined,
        isRecorded: async () => false,
        clock,
        holder: 'one',
        random: () => 0.5,
      },
      { ...defaultWorkOptions, pollSeconds: 1, roundMs: 5, drainMs: 100 },
    )
    loops.push(loop)
    await loop.start()
    return { death: death.signal }
  }

  return {
    ...recorded,
    allRecords: () => [...beforeDeath.records, ...recorded.records],
    service,
    harness,
    start,
    stop: async () => await loops.at(-1)?.stop(),
    async close() {
      await Promise.all(loops.map(async (loop) => await loop.stop()))
      await service.close()
      await harness.close()
    },
  }
}

describe('a CA that lets the request of an item wait', () => {
  let stage: ServiceStage
  let signing: SigningCa
  let first: Awaited<ReturnType<typeof createConnector>>
  let second: Awaited<ReturnType<typeof createConnector>>
  before(async () => {
    stage = await startServiceStage()
    signing = await createSigningCa()
    first = await createConnector(stage, signing)
    second = await createConnector(stage, signing)
  })
  after(async () => {
    await first.close()
    await second.close()
    await stage.close()
    assert.deepEqual(listAdminProblems([...first.allRecords(), ...second.allRecords()]), [])
  })

  async function advance(minutes: number): Promise<void> {
    shiftMs += minutes * 60_000
    await stage.control('POST', 'clock', { advanceMinutes: minutes })
  }

  async function order(): Promise<{ requestContext: string; deviceId: string }> {
    const members = { keyAlgorithm: 'ec', keySize: 256, keyUsage: ['digitalSignature'] }
    return await stage.control('POST', 'work/pkcs', { user: 'alice', deviceId, members })
  }

  async function until(what: string, isThere: () => boolean | Promise<boolean>): Promise<void> {
    for (const end = Date.now() + 20_000; !(await isThere()); ) {
      if (Date.now() > end) throw new Error(`never: ${what}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  const isGivenBack = async (requestContext: string, times = 1): Promise<boolean> => {
    const { value } = await stage.control<{ value: { requestContext: string; waits: number }[] }>(
      'GET',
      'work/pkcs',
    )
    return value.some((one) => one.requestContext === requestContext && one.waits === times)
  }

  let deviceId: string

  test('a connector that is killed before it told the service goes on with the same key: one request, one certificate', async () => {
    const device = await stage.device()
    deviceId = device.deviceId
    signing.hooks.waits = { pollAfterMs: 3_600_000 }
    const { requestContext } = await order()
    const { death } = await first.start(first.harness.store, true)
    await until('killed', () => death.aborted)
    await first.start(await first.harness.openSecond())
    await until('given back', async () => await isGivenBack(requestContext))
    delete signing.hooks.waits
    await advance(61)
    const { results, attempt } = await stage.closed('pkcs', requestContext)
    assert.equal(attempt, 2)
    const result = results[0]?.result ?? {}
    assert.deepEqual([signing.waiting.size, signing.signed.size], [1, 1])
    assert.equal(result['caRequestId'], '48213')
    const payload = result['payload'] as Payload
    const password = stage.openCms(device, payload.encryptedPfxPassword) ?? ''
    const pfx = Buffer.from(payload.encryptedPfxBlob, 'base64')
    const { certificate, key } = findIdentity(openPfx(pfx, password))
    assert.ok(certificate.checkPrivateKey(key))
    const [asked] = signing.waiting.values()
    assert.deepEqual(
      new Uint8Array(certificate.publicKey.export({ type: 'spki', format: 'der' })),
      asked?.certificate.spkiDer,
    )
    await until('1000', () => first.eventIds('admin').length === 1)
    assert.deepEqual(first.eventIds('admin'), [1000])
    assert.deepEqual(signing.revoked, [])
    await first.stop()
  })

  test('the connector with the key is gone: what the CA issues is revoked by another one, and the item fails: 66, 61, 1001', async () => {
    signing.hooks.waits = { pollAfterMs: 3_600_000 }
    const { requestContext } = await order()
    await first.start(await first.harness.openSecond())
    await until('given back', async () => await isGivenBack(requestContext))
    await first.stop()
    const id = first.service.current()?.record.connectorId
    await stage.control('DELETE', `connectors/${id}`)
    await second.start(second.harness.store)
    await advance(61)
    await until('given back again', async () => await isGivenBack(requestContext, 2))
    delete signing.hooks.waits
    await advance(61)
    const { results } = await stage.closed('pkcs', requestContext)
    assert.equal(results[0]?.result['errorCode'], 'CryptographyError')
    await until('1001', () => second.eventIds('admin').length === 1)
    assert.deepEqual(
      second.eventIds().filter((id) => [66, 61, 1050, 1052, 1001].includes(id)),
      [66, 61, 1052, 1001],
    )
    assert.equal(signing.waiting.size, 2)
    assert.deepEqual(signing.revoked, [[...signing.signed.keys()][1]])
  })
})
