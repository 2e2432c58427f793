import assert from 'node:assert/strict'
import { hash, randomBytes, X509Certificate } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import {
  createKeyPairs,
  createPayloadCipher,
  createPkcsIssuance,
  createRevocation,
  createWorkLoop,
  defaultWorkOptions,
  type WorkHandler,
  type WorkLoop,
} from '../../src/connector/index.ts'
import type { EventRecord } from '../../src/events/index.ts'
import { ConnectorError, Secret, systemClock } from '../../src/kernel/index.ts'
import {
  createIntune,
  type IntuneClient,
  type WorkKind,
  type WorkQueue,
} from '../../src/management/index.ts'
import { encodePfx, generatePfxPassword } from '../../src/pfx/index.ts'
import { parseCertificate } from '../../src/pki/index.ts'
import { listAdminProblems } from '../support/admin-once.ts'
import { openServiceClient } from '../support/open-service-client.ts'
import { createSigningCa, sampleTemplate } from '../support/pkcs-samples.ts'
import { type Queued, type ServiceStage, startServiceStage } from '../support/queued-work.ts'
import { recordedJournal } from '../support/recorded-journal.ts'
import { openSqliteHarness } from '../support/sqlite-stores.ts'
import type { StoreHarness } from '../support/store-harness.ts'

/** As a profile for DigiCert names its CA (pfx.md 1.5); with Microsoft's connector a revocation names it so too. */
const authority = {
  certificationAuthority: 'pki-ws.symauth.com',
  certificationAuthorityName: 'Symantec',
  certificateTemplateName: '2.16.840.1.113733.1.16.1.2.3.1.1.1',
}

/** A certificate as a revocation request names it. */
interface Told {
  readonly serialNumber: string
  readonly issuerName: string
  readonly caConfiguration: string
}

describe('work for DigiCert, with a backend under test in its place', () => {
  const cipher = createPayloadCipher(randomBytes(32))
  const { journal, records } = recordedJournal()
  const keyPairs = createKeyPairs(0)
  let on: ServiceStage
  let harness: StoreHarness
  let intune: IntuneClient
  let client: ReturnType<typeof openServiceClient>
  let signing: Awaited<ReturnType<typeof createSigningCa>>
  let loops: readonly WorkLoop[] = []
  /** Revocations that fail before the next one goes well. */
  let outages = 0

  before(async () => {
    on = await startServiceStage()
    harness = await openSqliteHarness()
    signing = await createSigningCa('digicert', 'digicert')
    signing.hooks.beforeRevocation = () => {
      if (outages-- > 0)
        throw new ConnectorError('ca/unavailable', 'policy fetch timed out', { isTransient: true })
    }
    client = openServiceClient(on.service)
    await client.keepEnrolled(AbortSignal.timeout(10_000))
    intune = openIntune()
    const revocation = composeRevocation()
    loops = [
      startLoop(
        client.queue('pkcs', [`${authority.certificationAuthority}\\Symantec`]),
        composeIssuance(),
      ),
      startLoop(client.queue('revocation', ['connector-ca/digicert']), revocation),
      startLoop(intune.revocations, revocation),
    ]
    for (const loop of loops) await loop.start()
  })
  after(async () => {
    await Promise.all(loops.map(async (loop) => await loop.stop()))
    keyPairs.stop()
    await intune.close()
    await client.close()
    await harness.close()
    await on.close()
    assert.deepEqual(listAdminProblems(records), [])
  })

  function openIntune(): IntuneClient {
    const { service } = on
    return createIntune({
      tenant: service.tenantId,
      clientId: service.clientId,
      credential: { secret: new Secret(service.clientSecret) },
      provider: 'certificate-connector/digicert',
      cloud: {
        authorityUrl: service.authorityUrl,
        graphUrl: service.graphUrl,
        intuneResourceUrl: service.intuneResourceUrl,
      },
      trustedCaPem: service.caPem,
      allowedHostSuffixes: ['127.0.0.1'],
    })
  }

  function composeIssuance(): WorkHandler<'pkcs'> {
    const { ca } = signing
    return createPkcsIssuance({
      templates: [{ ...sampleTemplate, ...authority, ca: 'digicert' }],
      authorities: {
        current: (id) => (id === 'digicert' ? ca : undefined),
        find: (caId) => (caId === 'digicert' ? ca : undefined),
      },
      certificates: harness.store.certificates,
      keyPairs,
      recipients: {
        deviceIssuers: [
          parseCertificate(new Uint8Array(new X509Certificate(on.service.deviceCaPem).raw)),
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
      clock: systemClock,
      holder: 'test',
    })
  }

  function composeRevocation(): WorkHandler<'revocation'> {
    const issuerName = signing.issuerCertificate.subject
    return createRevocation({
      authorities: async () => [{ ca: signing.ca, issuerName }],
      certificates: harness.store.certificates,
      reason: 5,
      clock: systemClock,
    })
  }

  function startLoop<K extends WorkKind>(queue: WorkQueue<K>, handler: WorkHandler<K>): WorkLoop {
    const { work: items, leases } = harness.store
    return createWorkLoop(
      {
        queue,
        handler,
        items,
        leases,
        cipher,
        journal,
        flush: async () => undefined,
        isRecorded: async () => false,
        clock: systemClock,
        holder: 'test',
        random: Math.random,
      },
      {
        ...defaultWorkOptions,
        pollSeconds: queue.limits.maxWaitSeconds > 0 ? 30 : 0.05,
        attemptPausesSeconds: [0.05],
        roundMs: 20,
      },
    )
  }

  function eventsOf(requestContext: string): readonly EventRecord[] {
    const own = hash('sha256', requestContext).slice(0, 16)
    return records.filter(
      ({ requestContextHash, level }) => requestContextHash === own && level !== 'debug',
    )
  }

  /** The events of one item, in their order, once it has its Admin event. */
  async function storyOf(requestContext: string): Promise<readonly number[]> {
    for (const until = Date.now() + 60_000; ; ) {
      const found = eventsOf(requestContext)
      const ids = found.map(({ eventId }) => eventId)
      if (found.some(({ channel }) => channel === 'admin')) return ids
      assert.ok(Date.now() < until, `no Admin event within a minute after ${ids.join(', ')}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async function issue(caProvider: string): Promise<Told & { readonly requestContext: string }> {
    const members = {
      ...authority,
      caProvider,
      keyAlgorithm: 'ec',
      keySize: 256,
      keyUsage: ['digitalSignature'],
      subjectAlternativeNames: [],
    }
    const { requestContext } = await on.control<Queued>('POST', 'work/pkcs', { members })
    const { results } = await on.closed('pkcs', requestContext)
    const { result = {} } = results[0] ?? {}
    assert.equal(result['errorCode'], 'None', String(result['errorMessage']))
    return {
      requestContext,
      serialNumber: String(result['serialNumber']),
      issuerName: String(result['issuerName']),
      caConfiguration: String(result['caConfiguration']),
    }
  }

  const namesOf = ({ serialNumber, issuerName, caConfiguration }: Told): Told => ({
    serialNumber,
    issuerName,
    caConfiguration,
  })

  async function find(path: string, requestContext: string): Promise<Queued> {
    const { value } = await on.control<{ value: readonly Queued[] }>('GET', path)
    const found = value.find((one) => one.requestContext === requestContext)
    assert.ok(found)
    return found
  }

  for (const [title, path] of [
    ['the open wire', 'work/revocation'],
    ['Microsoft’s wire', 'revocations'],
  ] as const) {
    test(`event 3032: over ${title} the revocation of what DigiCert issued is passed to it, and says so once`, async () => {
      const told = await issue('auto')
      outages = 1
      const { requestContext } = await on.control<Queued>('POST', path, namesOf(told))
      assert.deepEqual(await storyOf(requestContext), [3020, 3032, 3052, 3050, 3102, 3000])
      assert.ok(signing.revoked.includes(told.serialNumber))
      const { state, results } = await find(path, requestContext)
      assert.equal(state, 'succeeded')
      assert.equal(results.length, 1)
      const passed = records.filter(
        ({ eventId, serialNumber }) => eventId === 3032 && serialNumber === told.serialNumber,
      )
      assert.deepEqual(
        passed.map(({ caId, caConfiguration }) => ({ caId, caConfiguration })),
        [{ caId: 'digicert', caConfiguration: 'connector-ca/digicert' }],
      )
    })

    test(`over ${title} what another connector had from DigiCert is left alone`, async () => {
      const told = await issue('auto')
      const foreign = [
        { ...namesOf(told), caConfiguration: 'pki-ws.symauth.com\\Symantec' },
        { serialNumber: '4F00FF', issuerName: 'CN=DigiCert PKI Platform Issuing CA' },
      ]
      const queued = await Promise.all(
        foreign.map(async (order) => await on.control<Queued>('POST', path, order)),
      )
      const marker = await on.control<Queued>('POST', path, namesOf(told))
      await storyOf(marker.requestContext)
      for (const { requestContext } of queued) {
        const { state, results } = await find(path, requestContext)
        assert.match(state, /^(?:pending|queued|leased)$/)
        assert.deepEqual(results, [])
        assert.deepEqual(eventsOf(requestContext), [])
      }
      assert.equal(signing.revoked.filter((serial) => serial === told.serialNumber).length, 1)
    })
  }

  for (const caProvider of ['auto', 'digicert'])
    test(`event 1032: a request for DigiCert, by caProvider ${caProvider}, says so and is done by its backend`, async () => {
      const { requestContext, caConfiguration } = await issue(caProvider)
      assert.equal(caConfiguration, 'connector-ca/digicert')
      assert.deepEqual(await storyOf(requestContext), [1020, 1032, 1050, 1102, 1000])
    })
})
