import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSimulator } from '../../src/simulator/index.ts'
import { RandomSource } from '../property/scep/random-source.ts'
import { checkQueues, loadDepth, type QueueAftermath } from './check-queues.ts'
import { type ConnectorProcess, startConnectorProcess } from './connector-process.ts'
import type { QueueOptions } from './queue-options.ts'
import { createQueueService, type QueueService, type ServedItem } from './queue-service.ts'
import { CA_ID, createQueueSites, type QueueSite } from './queue-site.ts'
import { stories } from './queue-stories.ts'
import type { QueueStory } from './queue-story.ts'

/** What came of a run. Empty `violations` is what it is about; the figures say that the kills met something. */
export interface QueueReport extends QueueAftermath {
  readonly kind: string
  readonly seed: number
  readonly kills: number
  /** How often the clock of the service was moved past every lease. */
  readonly clockMoves: number
  /** How often a dead connector stayed away until its leases had ended. */
  readonly leasesOutlived: number
  readonly faults: number
  readonly seconds: number
}

/** Counted from the moment when new items are queued: most are carried out within the second. */
const LEAST_LIFE_MS = 10
const MOST_LIFE_MS = 600
/** Of so many lives one sees a service that fails, and one a clock that jumps. */
const FAULTS_ONE_OF = 2
const CLOCK_ONE_OF = 2
/** Longer than a lease. */
const CLOCK_MINUTES = 20
/** After so long without progress leases of the dead are waited for, and the clock is moved. */
const STANDSTILL_MS = 5000
const POLL_MS = 100

/**
 * Two connectors share one queue of the open service and are killed again and again. The simulator lives in this process
 * and outlives every kill. Kills only what it started itself.
 *
 * @param say told of the progress, for people
 * @throws Error the run itself could not go on: a connector does not start, or time is up
 */
export async function runQueues(
  options: QueueOptions,
  say: (line: string) => void,
): Promise<QueueReport> {
  const story: QueueStory = stories[options.story]()
  const folder = mkdtempSync(join(tmpdir(), 'queues-'))
  const simulator = await startSimulator({ dataDir: folder, httpsPort: 0, controlPort: 0 })
  const sites = await createQueueSites(folder, story, options.items, simulator)
  const run = new QueueRun(
    options,
    story,
    sites,
    createQueueService(simulator.controlUrl, story),
    say,
  )
  const timeIsUp = new Promise<never>((_resolve, reject) => {
    setTimeout(
      () => reject(new Error(`not done within ${options.maxMinutes} minutes: ${run.describe()}`)),
      options.maxMinutes * 60_000,
    ).unref()
  })
  try {
    return await Promise.race([run.run(), timeIsUp])
  } finally {
    await run.close()
    await simulator.close()
    if (options.keep) say(`folders kept: ${folder}`)
    else rmSync(folder, { recursive: true, force: true })
  }
}

class QueueRun {
  readonly #options: QueueOptions
  readonly #story: QueueStory
  readonly #sites: readonly QueueSite[]
  readonly #service: QueueService
  readonly #say: (line: string) => void
  readonly #random: RandomSource
  readonly #connectors = new Map<QueueSite, ConnectorProcess>()
  readonly #contexts: string[] = []
  #clockMoves = 0
  #leasesOutlived = 0
  #faults = 0
  #open = 0

  constructor(
    options: QueueOptions,
    story: QueueStory,
    sites: readonly QueueSite[],
    service: QueueService,
    say: (line: string) => void,
  ) {
    this.#options = options
    this.#story = story
    this.#sites = sites
    this.#service = service
    this.#say = say
    this.#random = new RandomSource(options.seed)
  }

  async run(): Promise<QueueReport> {
    const startedAt = performance.now()
    const { items, kills, seed } = this.#options
    await Promise.all(this.#sites.map(async (site) => await this.#start(site).ready))
    // One that is killed before it ever enrolled would leave all the work to the other.
    while ((await this.#service.countConnectors()) < this.#sites.length) await pause(POLL_MS)
    if (this.#story.leaseSeconds !== undefined)
      await this.#service.limitLeases(this.#story.leaseSeconds)
    await this.#story.begin(this.#service)
    for (let kill = 1; kill <= kills; kill += 1) {
      await this.#queueUntil(Math.ceil((items * kill) / (kills + 1)))
      await this.#liveAndDie()
      this.#say(`kill ${kill} of ${kills}: ${this.#contexts.length} items queued`)
    }
    await this.#queueUntil(items)
    await this.#service.repair()
    await this.#waitUntilEnded()
    const crls = new Map(
      await Promise.all(this.#sites.map(async (site) => [site, await fetchCrl(site)] as const)),
    )
    const exitCodes = await Promise.all(
      this.#sites.map(async (site) => await this.#connectors.get(site)?.stop()),
    )
    const service = this.#service
    const served = await this.#listInOrder()
    const aftermath = await checkQueues(this.#story, { sites: this.#sites, served, crls, service })
    return {
      ...aftermath,
      violations: [
        ...aftermath.violations,
        ...exitCodes
          .filter((code) => code !== 0)
          .map((code) => `SIGTERM at the end: exit code ${code}, not 0`),
      ],
      kind: this.#story.kind,
      seed,
      kills,
      clockMoves: this.#clockMoves,
      leasesOutlived: this.#leasesOutlived,
      faults: this.#faults,
      seconds: Math.round((performance.now() - startedAt) / 1000),
    }
  }

  describe(): string {
    const depths = this.#sites.map((site) => `${site.name} ${JSON.stringify(loadDepth(site))}`)
    return `${this.#open} items open at the service; ${depths.join('; ')}`
  }

  /** Ends whatever still runs. */
  async close(): Promise<void> {
    await Promise.all([...this.#connectors.values()].map(async (one) => await one.stop()))
  }

  #start(site: QueueSite): ConnectorProcess {
    const started = startConnectorProcess(site)
    this.#connectors.set(site, started)
    return started
  }

  async #queueUntil(count: number): Promise<void> {
    const orders = Array.from({ length: count - this.#contexts.length }, (_, offset) =>
      this.#story.orderOf(this.#contexts.length + offset),
    )
    this.#contexts.push(...(await this.#service.queue(orders)))
  }

  /** One of the two is ended by SIGKILL and begins its next life; the other goes on meanwhile. */
  async #liveAndDie(): Promise<void> {
    if (this.#random.below(FAULTS_ONE_OF) === 0) await this.#orderFault()
    const life = LEAST_LIFE_MS + this.#random.below(MOST_LIFE_MS - LEAST_LIFE_MS)
    const victim = this.#random.pick(this.#sites)
    await pause(life)
    await this.#connectors.get(victim)?.kill()
    // What the dead one had borrowed is free for the other before it is back.
    if (this.#random.below(CLOCK_ONE_OF) === 0) await this.#outliveLeases()
    await this.#start(victim).ready
  }

  async #orderFault(): Promise<void> {
    this.#faults += 1
    await this.#service.break({
      hop: this.#random.pick(['ocs-upload', 'ocs-upload', 'ocs-download', 'ocs-leases']),
      fault: this.#random.pick(['500', '503', 'reset']),
      times: 1 + this.#random.below(2),
      afterProcessing: this.#random.below(2) === 0,
    })
  }

  async #outliveLeases(): Promise<void> {
    const { leaseSeconds } = this.#story
    if (leaseSeconds === undefined) return await this.#moveClock()
    this.#leasesOutlived += 1
    await pause(leaseSeconds * 1000)
  }

  async #moveClock(): Promise<void> {
    this.#clockMoves += 1
    await this.#service.moveClock(CLOCK_MINUTES)
  }

  /** In the order of the items' numbers. */
  async #listInOrder(): Promise<readonly ServedItem[]> {
    const items = new Map((await this.#service.list()).map((one) => [one.requestContext, one]))
    return this.#contexts.map((context) => {
      const item = items.get(context)
      if (item === undefined) throw new Error('the service has lost an item')
      return item
    })
  }

  /** Until the service has every end and neither journal owes anything. */
  async #waitUntilEnded(): Promise<void> {
    let seen = ''
    let since = performance.now()
    for (;;) {
      const served = await this.#service.list()
      this.#open = served.filter(({ state }) => state === 'queued' || state === 'leased').length
      const depths = this.#sites.map(loadDepth)
      const owed = depths.map(
        ({ received, finished, unrecorded }) => received + finished + unrecorded,
      )
      if (this.#open === 0 && owed.every((rows) => rows === 0)) return
      const now = `${this.#open} ${owed.join(' ')}`
      if (now !== seen) since = performance.now()
      seen = now
      if (
        this.#story.leaseSeconds === undefined &&
        performance.now() - since > STANDSTILL_MS &&
        served.some(({ state }) => state === 'leased')
      ) {
        await this.#moveClock()
        since = performance.now()
      }
      await pause(POLL_MS)
    }
  }
}

async function pause(ms: number): Promise<void> {
  await new Promise((wake) => setTimeout(wake, ms))
}

async function fetchCrl({ deviceUrl }: QueueSite): Promise<Uint8Array> {
  const answer = await fetch(`${deviceUrl}/crl/${CA_ID}.crl`)
  if (!answer.ok) throw new Error(`${answer.url}: ${answer.status}`)
  return await answer.bytes()
}
