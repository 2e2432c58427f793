import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Simulator, startSimulator } from '../../src/simulator/index.ts'
import { RandomSource } from '../property/scep/random-source.ts'
import { type Aftermath, checkAftermath } from './check-aftermath.ts'
import { type Clients, sendOnce, startClients } from './clients.ts'
import { type ConnectorProcess, startConnectorProcess } from './connector-process.ts'
import { type CrashSite, createCrashSite, recordCa } from './crash-site.ts'
import { cutFirstStarts } from './cut-first-starts.ts'
import type { CrashOptions } from './options.ts'
import { type OrderBook, openOrderBook } from './order-book.ts'
import { waitUntilDelivered } from './outbox-depth.ts'

/** What came of a run. Empty `violations` is what it is about; the figures say that the kills met something. */
export interface CrashReport extends Aftermath {
  readonly seed: number
  readonly kills: number
  /** Of them, kills before the connector was ready again. */
  readonly killsDuringStart: number
  readonly unansweredAttempts: number
  readonly seconds: number
}

/** Requests that wait for the clients whenever the connector comes up. */
const WAITING_REQUESTS = 150
const LEAST_LIFE_MS = 50
const MOST_LIFE_MS = 1500
/** Of so many kills one comes while the connector starts. */
const START_KILL_ONE_OF = 6
/** Of so many lives one has a management service that fails. */
const FAULTS_ONE_OF = 3
/** Most answered requests that are sent once more at the end. */
const REPEATED_AT_END = 100

/**
 * Enrols under load, kills the connector again and again, and looks at what it left. The simulator of Intune lives in
 * this process and outlives every kill. Kills only what it started itself.
 *
 * @param say told of the progress, for people
 * @throws Error the run itself could not go on: the connector does not start, or time is up
 */
export async function runCrash(
  options: CrashOptions,
  say: (line: string) => void,
): Promise<CrashReport> {
  const folder = mkdtempSync(join(tmpdir(), 'crash-simulator-'))
  const simulator = await startSimulator({ dataDir: folder, httpsPort: 0, controlPort: 0 })
  const site = await createCrashSite(simulator)
  await recordCa(site)
  const run = new CrashRun(options, simulator, site, say)
  const timeIsUp = new Promise<never>((_resolve, reject) => {
    setTimeout(
      () => reject(new Error(`not done within ${options.maxMinutes} minutes`)),
      options.maxMinutes * 60_000,
    ).unref()
  })
  try {
    return await Promise.race([run.run(), timeIsUp])
  } finally {
    await run.close()
    await simulator.close()
    rmSync(folder, { recursive: true, force: true })
    if (options.keep) say(`data folder kept: ${site.folder}`)
    else site.remove()
  }
}

class CrashRun {
  readonly #options: CrashOptions
  readonly #simulator: Simulator
  readonly #site: CrashSite
  readonly #say: (line: string) => void
  readonly #random: RandomSource
  #connector: ConnectorProcess | undefined
  #clients: Clients | undefined
  #killsDuringStart = 0

  constructor(
    options: CrashOptions,
    simulator: Simulator,
    site: CrashSite,
    say: (line: string) => void,
  ) {
    this.#options = options
    this.#simulator = simulator
    this.#site = site
    this.#say = say
    this.#random = new RandomSource(options.seed)
  }

  async run(): Promise<CrashReport> {
    const startedAt = performance.now()
    const { kills, seed, parallel } = this.#options
    const { deviceUrl, dataDir } = this.#site
    const beforehand = await this.#cutFirstStarts()
    await this.#start().ready
    const book = await openOrderBook(deviceUrl, this.#simulator.controlUrl)
    await book.fill(WAITING_REQUESTS)
    // Clients draw from a source of their own: how often they do depends on the machine.
    const clients = startClients(parallel, book, deviceUrl, new RandomSource(seed + 1))
    this.#clients = clients
    for (let kill = 1; kill <= kills; kill += 1) {
      await this.#liveAndDie(book)
      this.#say(`kill ${kill} of ${kills}: ${countCertified(book)} certificates received`)
    }
    await this.#control('DELETE', '/control/faults')
    await clients.finish()
    await this.#repeatAnswered(book)
    await waitUntilDelivered(dataDir)
    const exitCode = await this.#connector?.stop()
    const aftermath = await checkAftermath(dataDir, book, this.#simulator.controlUrl)
    return {
      ...aftermath,
      violations: [
        ...beforehand,
        ...aftermath.violations,
        ...(exitCode === 0 ? [] : [`SIGTERM at the end: exit code ${exitCode}, not 0`]),
      ],
      seed,
      kills,
      killsDuringStart: this.#killsDuringStart,
      unansweredAttempts: clients.unanswered,
      seconds: Math.round((performance.now() - startedAt) / 1000),
    }
  }

  /** Ends whatever still runs. */
  async close(): Promise<void> {
    this.#clients?.abandon()
    await this.#connector?.stop()
  }

  #start(): ConnectorProcess {
    this.#connector = startConnectorProcess(this.#site)
    return this.#connector
  }

  async #cutFirstStarts(): Promise<readonly string[]> {
    const { firstStartKills } = this.#options
    if (firstStartKills === 0) return []
    const violations = await cutFirstStarts(firstStartKills, this.#simulator, this.#random)
    this.#say(`${firstStartKills} first starts cut off`)
    return violations
  }

  /** One more life of the connector is ended by SIGKILL, and the next one begun. */
  async #liveAndDie(book: OrderBook): Promise<void> {
    const life = LEAST_LIFE_MS + this.#random.below(MOST_LIFE_MS - LEAST_LIFE_MS)
    const diesInStart = this.#random.below(START_KILL_ONE_OF) === 0
    if (this.#random.below(FAULTS_ONE_OF) === 0) await this.#orderFault()
    if (diesInStart) {
      // The life before ends as well, but nobody looks at its moment: what counts is that this start is cut off.
      await this.#connector?.kill()
      const starting = this.#start()
      await pause(life)
      if ((await Promise.race([starting.ready, Promise.resolve('starting')])) === 'starting')
        this.#killsDuringStart += 1
      await starting.kill()
    } else {
      await pause(life)
      await this.#connector?.kill()
    }
    const next = this.#start()
    await book.fill(WAITING_REQUESTS)
    await next.ready
  }

  async #orderFault(): Promise<void> {
    const times = 1 + this.#random.below(8)
    const fault = this.#random.pick(['500', '503', 'reset'])
    const afterProcessing = this.#random.below(2) === 0
    await this.#control('POST', '/control/faults', {
      hop: 'success',
      fault,
      times,
      afterProcessing,
    })
  }

  async #repeatAnswered(book: OrderBook): Promise<void> {
    const answered = book.taken.filter(({ certificates }) => certificates.length > 0)
    const step = Math.max(1, Math.floor(answered.length / REPEATED_AT_END))
    for (let index = 0; index < answered.length; index += step) {
      const order = answered[index]
      if (order === undefined) continue
      const isAnswered = await sendOnce(
        order,
        book,
        this.#site.deviceUrl,
        AbortSignal.timeout(30_000),
      )
      if (!isAnswered) throw new Error(`${order.request.transactionId}: sent again, no answer`)
    }
  }

  async #control(method: string, path: string, body?: unknown): Promise<void> {
    const answer = await fetch(`${this.#simulator.controlUrl}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    await answer.arrayBuffer()
  }
}

function countCertified(book: OrderBook): number {
  return book.taken.filter(({ certificates }) => certificates.length > 0).length
}

async function pause(ms: number): Promise<void> {
  await new Promise((wake) => setTimeout(wake, ms))
}
