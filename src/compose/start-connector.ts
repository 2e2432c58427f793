import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { pino } from 'pino'
import type { Configuration } from '../config/index.ts'
import {
  createCaptures,
  createChallengeHash,
  createHealth,
  createHealthCounts,
  createPayloadCipher,
  createSafekeeping,
  type EnrolmentPorts,
  type WorkLoop,
} from '../connector/index.ts'
import { createConsoleSink, createFileSink, events, type RootJournal } from '../events/index.ts'
import {
  createAdminApp,
  createDeviceApp,
  createMetrics,
  type ExpiringCertificate,
  type RunningServer,
  startServer,
} from '../http/index.ts'
import { type Clock, systemClock } from '../kernel/index.ts'
import type { Simulator } from '../simulator/index.ts'
import { loadDataKey, openCaptureFolder, openSpool, openStore } from '../store/index.ts'
import { type CryptoPool, createCryptoPool } from '../workers/index.ts'
import { type Agent, composeAgent } from './agent.ts'
import { createAnnouncedKeys } from './announced-keys.ts'
import {
  addCaDuties,
  composeOcsp,
  findGeneration,
  keysOf,
  listExpiring,
  loadAuthorities,
  openCas,
} from './authorities.ts'
import { loadBlockedKeys } from './blocked-keys.ts'
import { createCaHealth } from './ca-health.ts'
import { composeChallenges, composeMscepAdminPages } from './challenges.ts'
import { composeStatus } from './connector-status.ts'
import { composeCourier } from './courier.ts'
import { createCrlFiles } from './crl-files.ts'
import { startDeviceServers } from './device-servers.ts'
import { startDuties } from './duties.ts'
import { createHealthEvents, createWorkerEvents, recordExpiring } from './health-events.ts'
import { claimDataFolder, loadConnectorId, loadOrMakePassphrase, loadTls } from './identity.ts'
import { composeImportKeys } from './import-queue.ts'
import { openJournal } from './journal.ts'
import { openIntune } from './management.ts'
import { listFeatures, openOpenService } from './open-service.ts'
import { composeProfiles } from './profiles.ts'
import { composeQueues, listQueueChecks, loadQueueFigures, needsEnrolment } from './queues.ts'
import { listChecks, loadOutboxFigures, workerFiguresOf } from './readiness.ts'
import { composeRecovery } from './recovery.ts'
import { composeEndpoints } from './scep-endpoints.ts'

/** A connector that runs. */
export interface RunningConnector {
  /** Base of the device listener, as clients on this machine reach it; plain HTTP where it serves both. */
  readonly deviceUrl: string
  /** Base over HTTPS, where that is served beside plain HTTP. */
  readonly secureDeviceUrl: string | undefined
  readonly adminUrl: string
  /** Present when the configuration enables it. */
  readonly simulator: Simulator | undefined
  readonly journal: RootJournal
  /** Takes nothing new, finishes what runs, closes everything. Twice is fine. */
  stop(): Promise<void>
}

/** What surrounds the connector. */
export interface Surroundings {
  readonly version: string
  /** Where events for people or collectors go, as `logging.console` says. */
  readonly console: Writable
  /** What the configuration warns of, one sentence each; recorded at start. */
  readonly warnings?: readonly string[]
  readonly clock?: Clock
}

/** How long CA certificates may be kept by caches (ca-backends 12.1). */
const CA_FILE_MAX_AGE_SECONDS = 3600

/** Things to close, in the reverse order of their opening. */
type Closers = (() => Promise<unknown>)[]

/**
 * Builds the connector from a checked configuration and starts it: keys, store, workers, CAs, profiles, listeners, duties.
 *
 * @throws ConnectorError why it cannot start, naming the key or the file and the remedy; nothing keeps running then
 */
export async function startConnector(
  configuration: Configuration,
  surroundings: Surroundings,
): Promise<RunningConnector> {
  const closers: Closers = []
  try {
    return await build(switchOff(configuration), surroundings, closers)
  } catch (error) {
    // The first failure is the one to tell; what fails while cleaning up after it adds nothing.
    await closeAll(closers).catch(() => undefined)
    throw error
  }
}

/** Without SCEP the profiles may stay in the file, and nobody is served by them. */
function switchOff(configuration: Configuration): Configuration {
  return configuration.features.scep ? configuration : { ...configuration, profiles: [] }
}

/** Whether anything but an administrator's command asks Intune, so that it is worth watching. */
function asksIntune({ features }: Configuration): boolean {
  return features.scep || features.revocation
}

async function closeAll(closers: Closers): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close()
}

async function build(
  configuration: Configuration,
  surroundings: Surroundings,
  closers: Closers,
): Promise<RunningConnector> {
  const { clock = systemClock, version } = surroundings
  const { dataDir } = configuration
  const startedAt = clock.now()

  // Identity, memory and keys
  const unlock = claimDataFolder(dataDir)
  closers.push(async () => unlock())
  const connectorId = configuration.connector.id ?? loadConnectorId(dataDir)
  const passphrase = await loadOrMakePassphrase(configuration.passphraseFile, dataDir)
  const dataKeyFile = join(dataDir, 'data.key')
  const isDataKeyLost = !existsSync(dataKeyFile) && existsSync(configuration.store.file)
  const dataKey = loadDataKey(dataKeyFile, passphrase)
  // Before the CAs: whether one may be made depends on what is on record.
  const store = await openStore(configuration.store)
  closers.push(() => store.close())
  const authorities = await loadAuthorities(configuration, passphrase, clock, store.crls)
  const { device, admin } = configuration.listeners
  const tls = device.tls === undefined ? undefined : loadTls(device.tls)
  const listCertificates = (): ExpiringCertificate[] => [
    ...listExpiring(authorities, clock.now()),
    ...(tls === undefined
      ? []
      : [{ kind: 'tls' as const, name: 'listeners.device', notAfter: tls.notAfter }]),
    ...(agent?.listCertificates() ?? []),
  ]
  let agent: Agent | undefined

  // Voice
  let pool: CryptoPool | undefined
  let queues: readonly WorkLoop[] = []
  const metrics = createMetrics({
    version,
    workers: () => workerFiguresOf(pool),
    outbox: () => loadOutboxFigures(store, clock),
    certificates: listCertificates,
    queues: async () => await loadQueueFigures(queues),
    now: () => clock.now(),
  })
  const counts = createHealthCounts(startedAt)
  const logsDir = join(dataDir, 'logs')
  const { logging } = configuration
  const journal = openJournal(configuration, {
    connectorId,
    version,
    clock,
    sinks: [
      createFileSink({
        directory: logsDir,
        maxBytes: logging.maxBytes,
        archives: logging.archives,
      }),
      metrics.sink,
      counts.sink,
      ...(logging.console === 'off'
        ? []
        : [createConsoleSink({ format: logging.console, stream: surroundings.console })]),
    ],
  })
  closers.push(() => journal.close())
  journal.record(events.ConfigurationLoaded)
  for (const detail of surroundings.warnings ?? [])
    journal.record(events.ConfigurationWarning, { detail })
  if (isDataKeyLost)
    journal.record(events.DataKeyLost, {
      detail: `${dataKeyFile}: stop, put the one of the backup there, start again`,
    })
  for (const [caId, { isNew }] of authorities) if (isNew) journal.record(events.CaCreated, { caId })

  // Hands
  pool = createCryptoPool({
    size: configuration.workers.count,
    keys: keysOf(authorities, clock.now()),
    queuePerWorker: configuration.workers.queuePerWorker,
    jobTimeoutMs: configuration.workers.jobTimeoutMs,
    clock,
  })
  const crypto = pool
  closers.push(() => crypto.close())
  await crypto.ready()
  const cas = openCas(authorities, crypto, store, clock)

  // Management
  const simulator = configuration.simulator.enabled
    ? await (await import('../simulator/index.ts')).startSimulator({
        dataDir,
        httpsPort: configuration.simulator.httpsPort,
        controlPort: configuration.simulator.controlPort,
        clock,
      })
    : undefined
  if (simulator !== undefined) closers.push(() => simulator.close())
  const intune = openIntune(configuration, simulator, version, clock)
  if (intune !== undefined) closers.push(() => intune.close())
  const openService = await openOpenService(configuration, {
    simulator,
    passphrase,
    version,
    clock,
  })
  if (openService !== undefined) closers.push(() => openService.close())

  // What the product does
  const cipher = createPayloadCipher(dataKey)
  const spool = openSpool(join(dataDir, 'spool'))
  const { certificates, outbox } = store
  const safekeeping = createSafekeeping({ certificates, spool, cipher, journal, clock })
  const challenges = composeChallenges(configuration, store, dataKey, clock)
  const profiles = composeProfiles(configuration, cas, authorities, intune, clock, challenges)
  const mscepAdminPages = composeMscepAdminPages(configuration, profiles, challenges)
  const courier = composeCourier(configuration, {
    intune,
    profiles,
    outbox,
    safekeeping,
    cipher,
    journal,
    clock,
    holder: connectorId,
  })
  const background = new Set<Promise<unknown>>()
  const enrolmentPorts: EnrolmentPorts = {
    codec: crypto,
    certificates,
    blockedKeys: loadBlockedKeys(configuration.blockedKeysFile),
    crls: store.crls,
    pending: store.pending,
    background: (work) => {
      background.add(work)
      void work.finally(() => background.delete(work))
    },
    safekeeping,
    courier,
    cipher,
    challengeHash: createChallengeHash(dataKey),
    journal,
    clock,
    randomBytes,
    holder: connectorId,
  }
  const captures = createCaptures({
    ...enrolmentPorts,
    folder: openCaptureFolder(join(dataDir, 'captures')),
  })
  const endpoints = composeEndpoints(configuration, profiles, authorities, enrolmentPorts, captures)

  const importKeys = configuration.features.pkcsImport
    ? composeImportKeys(configuration, passphrase, { journal, clock, random: randomBytes })
    : undefined
  queues = composeQueues(configuration, {
    intune,
    openService,
    simulator,
    importKeys,
    authorities,
    cas,
    store,
    cipher,
    journal,
    logsDir,
    clock,
    holder: connectorId,
  })

  // What a crash left: spooled completions first, then intents, then Admin events that the log lacks.
  const recovery = composeRecovery({ certificates, outbox, safekeeping, logsDir, journal, clock })
  await recovery.closeIntents()
  await courier.releaseLeases()
  await recovery.recordLostEvents()

  // Edges
  const service = configuration.management.openService
  agent =
    service === undefined || openService === undefined
      ? undefined
      : composeAgent({
          service: openService,
          features: listFeatures(configuration),
          url: simulator?.httpsUrl ?? service.url,
          keys: createAnnouncedKeys(importKeys?.test),
          counts,
          check: async () => await checkHealth(),
          store,
          dataDir,
          journal,
          clock,
          startedAt,
        })
  const checks = [
    ...listChecks({
      store,
      pool: crypto,
      journal,
      caHealth: createCaHealth(authorities, cas, clock),
      intune: asksIntune(configuration) ? intune : undefined,
      clock,
    }),
    ...(importKeys === undefined ? [] : [importKeys.test.check]),
    ...listQueueChecks(queues, clock),
    ...(agent?.checks ?? []),
  ]
  const health = createHealth(checks, clock)
  const recordHealth = createHealthEvents(checks, journal)
  const recordWorkers = createWorkerEvents(() => crypto.statistics(), journal)
  async function checkHealth() {
    const results = await health.check()
    recordHealth(results)
    agent?.observe(results)
    return results
  }
  const logger = pino({ level: 'warn' })
  const findCrlFile = createCrlFiles(store.crls, clock)
  const deviceApp = createDeviceApp({
    profiles: endpoints,
    defaultProfile: endpoints.has('default') ? 'default' : configuration.profiles[0]?.name,
    crl: async (caId, part) =>
      findGeneration(authorities, caId) === undefined ? undefined : await findCrlFile(caId, part),
    caCertificate: (caId) => {
      const bytes = findGeneration(authorities, caId)?.generation.issuingDer
      if (bytes === undefined) return undefined
      return { bytes, lastModified: startedAt, maxAgeSeconds: CA_FILE_MAX_AGE_SECONDS }
    },
    ocsp: {
      answer: composeOcsp(authorities, crypto, store, clock, journal),
      now: () => clock.now(),
    },
    limits: {
      maxBodyBytes: device.maxBodyBytes,
      rates: {
        requestsPerSource: device.requestsPerMinute,
        failedChallengesPerSource: device.failedChallengesPerMinute,
      },
    },
    mscepAdminPages,
    trustProxy: device.trustProxy === false ? [] : device.trustProxy,
    journal,
    metrics,
    logger,
  })
  const { main, secure } = await startDeviceServers(deviceApp, device, tls, logger)
  const listening = [main, ...(secure === undefined ? [] : [secure])]
  for (const server of listening) closers.push(() => server.stop())
  const adminServer = await startServer(
    createAdminApp({
      checks: checkHealth,
      status: composeStatus(configuration, {
        version,
        startedAt,
        store,
        pool: crypto,
        listCertificates,
        queues: () => queues,
        agent,
        clock,
      }),
      metrics,
      logger,
      hostNames: admin.hostNames,
      ...(admin.apiToken === undefined
        ? {}
        : {
            challenges: {
              token: admin.apiToken,
              issue: async (name) => (await challenges.get(name)?.issue('api')) ?? 'unknown',
              journal,
            },
          }),
      now: () => clock.now(),
    }),
    { key: 'listeners.admin', host: admin.host, port: admin.port, logger },
  )
  closers.push(() => adminServer.stop())

  // What comes round
  const duties = startDuties({
    profiles,
    enrolmentPorts,
    recovery,
    captures,
    store,
    checkHealth: async () => {
      recordWorkers()
      await checkHealth()
    },
    recordExpiring: () => recordExpiring(listCertificates(), clock, journal),
  })
  addCaDuties(duties, authorities, cas, {
    store,
    pool: crypto,
    passphrase,
    journal,
    clock,
    holder: connectorId,
  })
  agent?.start(duties, async () => {
    for (const queue of queues.filter(needsEnrolment)) await queue.start()
  })
  courier.start()
  for (const queue of queues.filter((one) => !needsEnrolment(one))) await queue.start()
  journal.record(events.ServiceStarted, {
    detail: `version ${version}, ${profiles.size} profiles`,
  })

  let stopping: Promise<void> | undefined
  async function stop(servers: readonly RunningServer[]): Promise<void> {
    // Devices first: what they asked for is finished while everything behind it still works.
    await Promise.all(servers.map((server) => server.stop()))
    await Promise.allSettled(background)
    await duties.stop()
    await Promise.all(queues.map(async (queue) => await queue.stop()))
    await courier.stop()
    await agent?.stop()
    journal.record(events.ServiceStopped)
    await journal.flush()
    await closeAll(closers)
  }
  return {
    deviceUrl: main.url,
    secureDeviceUrl: secure?.url,
    adminUrl: adminServer.url,
    simulator,
    journal,
    stop: async () => await (stopping ??= stop([...listening, adminServer])),
  }
}
