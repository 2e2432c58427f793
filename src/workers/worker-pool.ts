import { ConnectorError, describeError } from '../kernel/index.ts'
import type { JobTable } from './job-table.ts'
import { type Ticket, WorkerSlot, workerDied } from './worker-slot.ts'

export interface WorkerPoolOptions {
  /** Module that calls `serveJobs`. */
  readonly entry: URL
  /** Number of threads, 1 or more. */
  readonly size: number
  /** Structured-cloneable; what `createRunner` of the entry takes. */
  readonly keys: unknown
  /** Waiting jobs for each thread before new ones are refused. */
  readonly queuePerWorker: number
  /** Longest run of a job, in milliseconds. */
  readonly jobTimeoutMs: number
  /** Longest wait of a job for a thread, in milliseconds. Default `jobTimeoutMs`. */
  readonly waitTimeoutMs?: number
  /** Longest start of a thread, in milliseconds. Default 30,000. */
  readonly startTimeoutMs?: number
  /** Spreads restarts. Default Math.random. */
  readonly random?: () => number
}

/** What became of the jobs of one kind. */
export interface JobCounts {
  readonly done: number
  /** Answered with an error, refusals by overload not counted. */
  readonly failed: number
  /** Refused with `worker/overloaded`. */
  readonly overloaded: number
}

/** A look into the pool; counters count from its start. */
export interface PoolStatistics {
  readonly size: number
  /** Threads that hold the keys and can work. */
  readonly ready: number
  /** Threads that run a job. */
  readonly busy: number
  /** Jobs accepted and not yet handed to a thread. */
  readonly waiting: number
  /** Waiting jobs beyond which new messages are refused. */
  readonly capacity: number
  /** Threads that were lost (death, time-out, failed start). */
  readonly restarts: number
  /** Why the last one was lost; no secrets. */
  readonly lastLoss: string | undefined
  readonly jobs: Readonly<Record<string, JobCounts>>
}

interface Counts {
  done: number
  failed: number
  overloaded: number
}

/**
 * Runs pure jobs in worker threads: least-loaded thread first, bounded queue, bounded time, lost threads replaced.
 *
 * Work that was begun for a request goes before new requests and may use twice the queue, so that overload is refused
 * at the door and not after a certificate was signed.
 */
export class WorkerPool<Jobs extends JobTable> {
  readonly #options: WorkerPoolOptions
  readonly #slots: readonly WorkerSlot[]
  readonly #capacity: number
  readonly #counts: Record<string, Counts> = {}
  #keys: unknown
  #begun: Ticket[] = []
  #fresh: Ticket[] = []
  #nextId = 1
  #unfinished = 0
  #restarts = 0
  #lastLoss: string | undefined
  #isClosing = false
  #readyWaiters: { resolve(): void; reject(error: ConnectorError): void }[] = []
  #emptyWaiters: (() => void)[] = []
  #keyUpdate: Promise<void> = Promise.resolve()

  constructor(options: WorkerPoolOptions) {
    this.#options = options
    this.#capacity = options.size * options.queuePerWorker
    this.#keys = options.keys
    const host = {
      entry: options.entry,
      jobTimeoutMs: options.jobTimeoutMs,
      startTimeoutMs: options.startTimeoutMs ?? 30_000,
      random: options.random ?? Math.random,
      currentKeys: () => this.#keys,
      onRoom: () => this.#dispatch(),
      onReturned: (tickets: readonly Ticket[]) => this.#takeBack(tickets),
      onLost: (reason: ConnectorError) => this.#noteLoss(reason),
    }
    this.#slots = Array.from({ length: options.size }, () => new WorkerSlot(host))
  }

  /**
   * Resolves when every thread is ready.
   *
   * @throws ConnectorError why a thread could not start: the keys were refused, or the code does not load
   */
  async ready(): Promise<void> {
    if (this.#slots.every((slot) => slot.isReady)) return
    await new Promise<void>((resolve, reject) => {
      this.#readyWaiters.push({ resolve, reject })
    })
  }

  /**
   * Runs one job; its input is copied to the thread.
   *
   * @throws ConnectorError `worker/overloaded` the queue is full, or the job waited too long in it; transient
   * @throws ConnectorError `worker/timeout`, `worker/died` transient; the job may have run
   * @throws ConnectorError whatever the job itself threw; `internal/bug` for what is no ConnectorError
   */
  run<Kind extends keyof Jobs & string>(
    kind: Kind,
    input: Jobs[Kind]['input'],
    { isBegun = false } = {},
  ): Promise<Jobs[Kind]['result']> {
    this.#counts[kind] ??= { done: 0, failed: 0, overloaded: 0 }
    const counts = this.#counts[kind]
    if (this.#isClosing) return Promise.reject(workerDied('the pool is closing'))
    if (this.#waiting >= (isBegun ? 2 : 1) * this.#capacity) {
      counts.overloaded += 1
      return Promise.reject(this.#overloaded(`${this.#waiting} jobs are waiting`))
    }
    this.#unfinished += 1
    return new Promise((resolve, reject) => {
      const ticket: Ticket = {
        id: this.#nextId++,
        kind,
        input,
        isBegun,
        hasLostWorker: false,
        waitTimer: undefined,
        resolve: (result) => {
          counts.done += 1
          this.#settle(ticket)
          resolve(result)
        },
        reject: (error) => {
          counts[error.code === 'worker/overloaded' ? 'overloaded' : 'failed'] += 1
          this.#settle(ticket)
          reject(error)
        },
      }
      const queue = this.#queueFor(ticket)
      queue.push(ticket)
      this.#dispatch()
      if (queue.at(-1) === ticket) this.#limitWait(ticket)
    })
  }

  /**
   * Gives all threads new keys. Jobs that a thread already has finish with the old ones. Resolves when no thread works
   * with the old ones any more: only then may the new certificate be published.
   *
   * @throws ConnectorError as the threads refused the keys; then all go on with the old ones
   */
  updateKeys(keys: unknown): Promise<void> {
    const update = this.#keyUpdate.then(() => this.#replaceKeys(keys))
    // The chain only keeps the order of updates; each caller gets its own failure.
    this.#keyUpdate = update.catch(() => undefined)
    return update
  }

  statistics(): PoolStatistics {
    return {
      size: this.#slots.length,
      ready: this.#slots.filter((slot) => slot.isReady).length,
      busy: this.#slots.filter((slot) => slot.load > 0).length,
      waiting: this.#waiting,
      capacity: this.#capacity,
      restarts: this.#restarts,
      lastLoss: this.#lastLoss,
      jobs: structuredClone(this.#counts),
    }
  }

  /** Takes no new jobs, finishes those that were accepted (each within its time), then ends the threads. Twice is fine. */
  async close(): Promise<void> {
    this.#isClosing = true
    if (this.#unfinished > 0) {
      await new Promise<void>((resolve) => {
        this.#emptyWaiters.push(resolve)
      })
    }
    await Promise.all(this.#slots.map((slot) => slot.close()))
    for (const waiter of this.#readyWaiters.splice(0)) waiter.reject(workerDied('the pool closed'))
  }

  get #waiting(): number {
    return this.#begun.length + this.#fresh.length
  }

  #queueFor(ticket: Ticket): Ticket[] {
    return ticket.isBegun ? this.#begun : this.#fresh
  }

  #dispatch(): void {
    while (this.#waiting > 0) {
      let target: WorkerSlot | undefined
      for (const slot of this.#slots) {
        if (slot.hasRoom && (target === undefined || slot.load < target.load)) target = slot
      }
      const ticket = target && (this.#begun.shift() ?? this.#fresh.shift())
      if (target === undefined || ticket === undefined) break
      clearTimeout(ticket.waitTimer)
      target.send(ticket)
    }
    if (this.#readyWaiters.length > 0 && this.#slots.every((slot) => slot.isReady)) {
      for (const waiter of this.#readyWaiters.splice(0)) waiter.resolve()
    }
  }

  #limitWait(ticket: Ticket): void {
    const limitMs = this.#options.waitTimeoutMs ?? this.#options.jobTimeoutMs
    ticket.waitTimer = setTimeout(() => {
      const queue = this.#queueFor(ticket)
      queue.splice(queue.indexOf(ticket), 1)
      ticket.reject(this.#overloaded(`a ${ticket.kind} job waited ${limitMs} ms for a thread`))
    }, limitMs)
  }

  /** Once is an accident of a neighbour; twice, and the job is answered. */
  #takeBack(tickets: readonly Ticket[]): void {
    for (const ticket of tickets.toReversed()) {
      if (ticket.hasLostWorker) {
        ticket.reject(workerDied(`a ${ticket.kind} job lost the worker that it waited in`))
        continue
      }
      ticket.hasLostWorker = true
      this.#queueFor(ticket).unshift(ticket)
      this.#limitWait(ticket)
    }
    this.#dispatch()
  }

  #noteLoss(reason: ConnectorError): void {
    this.#restarts += 1
    this.#lastLoss = describeError(reason)
    for (const waiter of this.#readyWaiters.splice(0)) waiter.reject(reason)
  }

  #settle(ticket: Ticket): void {
    clearTimeout(ticket.waitTimer)
    this.#unfinished -= 1
    if (this.#unfinished === 0) for (const resolve of this.#emptyWaiters.splice(0)) resolve()
  }

  async #replaceKeys(keys: unknown): Promise<void> {
    const previous = this.#keys
    this.#keys = keys
    const outcomes = await Promise.allSettled(this.#slots.map((slot) => slot.loadKeys()))
    const refused = outcomes.find((outcome) => outcome.status === 'rejected')
    if (refused === undefined) return
    this.#keys = previous
    await Promise.allSettled(this.#slots.map((slot) => slot.loadKeys()))
    throw refused.reason
  }

  /** Jobs take milliseconds: a full queue is empty again after a few seconds. */
  #overloaded(why: string): ConnectorError {
    return new ConnectorError('worker/overloaded', why, { isTransient: true, retryAfterMs: 5_000 })
  }
}
