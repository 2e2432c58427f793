import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { pino } from 'pino'
import { findCurrent } from '../ca/index.ts'
import type { Configuration } from '../config/index.ts'
import {
  type Captures,
  closeOpenIntents,
  closeOverdue,
  createCaptures,
  createChallengeHash,
  createCourier,
  createDuties,
  createHealth,
  createHealthCounts,
  createPayloadCipher,
  createSafekeeping,
  createScepEnrolment,
  type EnrolmentPorts,
  type EnrolmentProfile,
  recoverAdminEvents,
  type WorkLoop,
} from '../connector/index.ts'
import {
  createConsoleSink,
  createFileSink,
  events,
  listRecordedNotifications,
  type RootJournal,
  readEvents,
} from '../events/index.ts'
import {
  createAdminApp,
  createDeviceApp,
  createMetrics,
  type ExpiringCertificate,
  type RunningServer,
  type ScepEndpoint,
  startServer,
} from '../http/index.ts'
import { type Clock, systemClock } from '../kernel/index.ts'
import { type Simulator, startSimulator } from '../simulator/index.ts'
import { loadDataKey, openCaptureFolder, openSpool, openStore } from '../store/index.ts'
import { type CryptoPool, createCryptoPool } from '../workers/index.ts'
import { type Agent, composeAgent } from './agent.ts'
import { createAnnouncedKeys } from './announced-keys.ts'
import {
  addCaDuties,
  type ComposedAuthorities,
  caCertificatesOf,
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
import { createCrlFiles } from './crl-files.ts'
import { startDeviceServers } from './device-servers.ts'
import { createHealthEvents, createWorkerEvents, recordExpiring } from './health-events.ts'
import { claimDataFolder, loadConnectorId, loadOrMakePassphrase, loadTls } from './identity.ts'
import { openJournal } from './journal.ts'
import { openIntune } from './management.ts'
import { createNextCaAnswer } from './next-ca.ts'
import { listFeatures, openOpenService } from './open-service.ts'
import { composeProfiles } from './profiles.ts'
import { composeQueues, listQueueChecks, loadQueueFigures, needsEnrolment } from './queues.ts'
import { listChecks, listRecent, loadOutboxFigures, workerFiguresOf } from './readiness.ts'

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

const TEN_MINUTES_MS = 600_000

/** How soon a capture that an operator orders begins. */
const CAPTURE_LOOK_MS = 2000

/** How soon a denied request, or one whose time is over, gets its event where no device asks. */
const OVERDUE_LOOK_MS = 10_000
const HOUR_MS = 3_600_000

/** Longer than any replay window, within which a strict profile looks its notification up again. */
const RETENTION_DAYS = 35
const DAY_MS = 86_400_000

/** How long an outage may go unrecorded when nobody asks for readiness and no device comes. */
const HEALTH_EVERY_MS = 15_000

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

  // Identity and keys
  const unlock = claimDataFolder(dataDir)
  closers.push(async () => unlock())
  const connectorId = configuration.connector.id ?? loadConnectorId(dataDir)
  const passphrase = await loadOrMakePassphrase(configuration.passphraseFile, dataDir)
  const dataKey = loadDataKey(join(dataDir, 'data.key'), passphrase)
  const authorities = await loadAuthorities(configuration, passphrase, clock)
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

  // Memory and voice
  const store = await openStore(configuration.store)
  closers.push(() => store.close())
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
    ? await startSimulator({
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
  const courier = createCourier(
    {
      outbox,
      // What was owed when SCEP was switched off is delivered all the same.
      notifierOf: (name) =>
        configuration.features.scep ? profiles.get(name)?.notifier : intune?.notifier,
      cipher,
      journal,
      clock,
      pauses: {
        onlineSeconds: configuration.notifications.onlinePausesSeconds,
        courierSeconds: configuration.notifications.courierPausesSeconds,
        giveUpDays: configuration.notifications.giveUpDays,
      },
      holder: connectorId,
      random: Math.random,
    },
    safekeeping,
  )
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

  queues = composeQueues(configuration, {
    intune,
    openService,
    simulator,
    passphrase,
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
  await safekeeping.replay()
  const closeIntents = async (): Promise<number> =>
    await closeOpenIntents({
      certificates,
      journal,
      clock,
      isClosed: async (transactionId, since) =>
        (await readEvents(logsDir, { channel: 'admin', transactionId, since, limit: 1 })).length >
        0,
    })
  await closeIntents()
  await courier.releaseLeases()
  await recoverAdminEvents({
    outbox,
    journal,
    loadRecorded: async (eventIds, since) =>
      await listRecordedNotifications(logsDir, eventIds, since),
  })

  // Edges
  const service = configuration.management.openService
  agent =
    service === undefined || openService === undefined
      ? undefined
      : composeAgent({
          service: openService,
          features: listFeatures(configuration),
          url: simulator?.httpsUrl ?? service.url,
          keys: createAnnouncedKeys(configuration, passphrase),
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
      status: async () => ({
        name: configuration.connector.name,
        version,
        startedAt,
        profiles: configuration.profiles.map((profile) => ({
          name: profile.name,
          url: `${device.publicUrl.replace(/\/+$/, '')}/scep/${profile.name}`,
          ca: profile.ca,
          validator: profile.challenge.kind,
        })),
        certificates: listCertificates(),
        outbox: await loadOutboxFigures(store, clock),
        workers: workerFiguresOf(crypto),
        recent: await listRecent(store),
        openService: agent?.status(),
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
  const duties = createDuties(journal)
  duties.add('open intents', TEN_MINUTES_MS, closeIntents)
  duties.add('requests that wait', OVERDUE_LOOK_MS, async () => {
    await closeOverdue(profiles, enrolmentPorts)
  })
  duties.add('health', HEALTH_EVERY_MS, async () => {
    recordWorkers()
    await checkHealth()
  })
  duties.add('captures', CAPTURE_LOOK_MS, async () => await captures.refresh())
  duties.add('retention', HOUR_MS, async () => {
    await store.forget(new Date(clock.now().getTime() - RETENTION_DAYS * DAY_MS))
  })
  duties.add('ends of certificates', DAY_MS, async () =>
    recordExpiring(listCertificates(), clock, journal),
  )
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

function composeEndpoints(
  configuration: Configuration,
  profiles: ReadonlyMap<string, EnrolmentProfile>,
  authorities: ComposedAuthorities,
  ports: EnrolmentPorts,
  captures: Captures,
): ReadonlyMap<string, ScepEndpoint> {
  const single = new Set(
    configuration.profiles.filter(({ singleCaCert }) => singleCaCert).map(({ name }) => name),
  )
  const landing = new Set(
    configuration.profiles.filter(({ ndes }) => ndes.landing === 'page').map(({ name }) => name),
  )
  const caIds = new Map(configuration.profiles.map(({ name, ca }) => [name, ca]))
  const { clock } = ports
  return new Map(
    [...profiles].map(([name, profile]) => {
      const composed = authorities.get(caIds.get(name) ?? '')
      return [
        name,
        {
          name,
          capabilities: profile.capabilities,
          singleCaCert: single.has(name),
          landingPage: landing.has(name),
          caCertificates: () =>
            composed === undefined
              ? []
              : caCertificatesOf(
                  composed,
                  findCurrent(composed.authority.generations, clock.now()),
                ),
          ...(composed === undefined
            ? {}
            : { nextCaCertificates: createNextCaAnswer(composed, clock) }),
          enrol: captures.wrap(profile, createScepEnrolment(profile, ports)),
        },
      ]
    }),
  )
}
