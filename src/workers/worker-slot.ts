import { Worker } from 'node:worker_threads'
import { ConnectorError, pauseAfterAttempt, threadEnvironment } from '../kernel/index.ts'
import { parseError } from './error-crossing.ts'
import type { FromWorker, ToWorker } from './job-table.ts'

/** A job on its way: who waits for it, and whether a worker was lost under it before. */
export interface Ticket {
  readonly id: number
  readonly kind: string
  readonly input: unknown
  /** Continues work that was begun (anything but opening a message): goes first and is refused last. */
  readonly isBegun: boolean
  hasLostWorker: boolean
  waitTimer: NodeJS.Timeout | undefined
  resolve(result: unknown): void
  reject(error: ConnectorError): void
}

/** What a slot needs of its pool. */
export interface SlotHost {
  readonly entry: URL
  readonly jobTimeoutMs: number
  readonly startTimeoutMs: number
  readonly random: () => number
  /** The keys that a new worker starts with. */
  currentKeys(): unknown
  /** The slot can take another job. */
  onRoom(): void
  /** Jobs that were waiting in a worker that is gone. They never began. */
  onReturned(tickets: readonly Ticket[]): void
  /** A worker was lost and will be replaced. */
  onLost(reason: ConnectorError): void
}

/** Pauses before the next worker of a slot starts, in seconds: at once after a single accident, slowly in a crash loop. */
const restartPausesSeconds = [0, 0.2, 1, 5, 30] as const

/** A worker that lived this long ends a series of accidents. */
const stableAfterMs = 30_000

/** One job runs and one waits behind it, so that the thread is not idle while the main thread is busy. */
const jobsInFlight = 2

/** Far beyond what honest messages need; a job that exceeds it ends its thread, not the process. */
const maxHeapMb = 256

/** One place in the pool: a worker thread, the jobs inside it, and its replacement when it is lost. */
export class WorkerSlot {
  readonly #host: SlotHost
  #worker: Worker | undefined
  #state: 'starting' | 'ready' | 'pausing' | 'closed' = 'pausing'
  /** In the order in which the thread runs them: the first one runs. */
  #inFlight: Ticket[] = []
  #timer: NodeJS.Timeout | undefined
  #accidents = 0
  #readySince = 0
  #keyWaiters: { resolve(): void; reject(error: ConnectorError): void }[] = []

  constructor(host: SlotHost) {
    this.#host = host
    this.#start()
  }

  get isReady(): boolean {
    return this.#state === 'ready'
  }

  get load(): number {
    return this.#inFlight.length
  }

  get hasRoom(): boolean {
    return this.#state === 'ready' && this.#inFlight.length < jobsInFlight
  }

  /** Hands a job over. The caller has checked `hasRoom`. */
  send(ticket: Ticket): void {
    this.#inFlight.push(ticket)
    if (this.#inFlight.length === 1) this.#watchHead()
    try {
      this.#post({ type: 'job', id: ticket.id, kind: ticket.kind, input: ticket.input })
    } catch {
      // Only a value that cannot be cloned comes here: the caller's mistake, and the thread never saw it.
      this.#inFlight.pop()
      this.#watchHead()
      ticket.reject(new ConnectorError('internal/bug', `the ${ticket.kind} job cannot be cloned`))
    }
  }

  /**
   * Resolves when the worker uses the pool's current keys, or when it is gone: its replacement starts with them.
   *
   * @throws ConnectorError as the worker refused them (`key/unreadable`, `internal/bug`); it goes on with the earlier keys
   */
  loadKeys(): Promise<void> {
    // One that is starting was sent the keys of before already.
    if (this.#state !== 'ready' && this.#state !== 'starting') return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#keyWaiters.push({ resolve, reject })
      this.#post({ type: 'keys', keys: this.#host.currentKeys() })
    })
  }

  /** Ends the thread now. The pool has seen to it that nothing runs. */
  async close(): Promise<void> {
    this.#state = 'closed'
    clearTimeout(this.#timer)
    const worker = this.#worker
    this.#worker = undefined
    for (const waiter of this.#keyWaiters.splice(0)) waiter.resolve()
    for (const ticket of this.#inFlight.splice(0)) ticket.reject(workerDied('the pool was closed'))
    await worker?.terminate()
  }

  #start(): void {
    this.#state = 'starting'
    const worker = new Worker(this.#host.entry, {
      // No arguments: a worker needs none, and they may hold secrets.
      env: threadEnvironment(),
      argv: [],
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
    })
    this.#worker = worker
    let failure: unknown
    worker.on('message', (message: FromWorker) => {
      if (this.#worker === worker) this.#receive(message)
    })
    worker.on('messageerror', () => {
      if (this.#worker === worker) this.#lose(workerDied('an answer could not be read'))
    })
    worker.on('error', (error) => {
      failure = error
    })
    worker.on('exit', (exitCode) => {
      if (this.#worker !== worker) return
      const what = failure instanceof Error ? failure.constructor.name : `exit code ${exitCode}`
      this.#lose(workerDied(`the worker thread ended (${what})`))
    })
    this.#watch(this.#host.startTimeoutMs, () =>
      this.#lose(workerDied(`no worker after ${this.#host.startTimeoutMs} ms of starting`)),
    )
    this.#post({ type: 'keys', keys: this.#host.currentKeys() })
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'keys-loaded':
        if (this.#state === 'starting') this.#becomeReady()
        else this.#keyWaiters.shift()?.resolve()
        return
      case 'keys-refused':
        if (this.#state === 'starting') this.#lose(parseError(message.error))
        else this.#keyWaiters.shift()?.reject(parseError(message.error))
        return
      case 'done':
        this.#finishHead(message.id)?.resolve(message.result)
        return
      case 'failed':
        this.#finishHead(message.id)?.reject(parseError(message.error))
        return
    }
  }

  #becomeReady(): void {
    this.#state = 'ready'
    this.#readySince = performance.now()
    clearTimeout(this.#timer)
    this.#host.onRoom()
  }

  #finishHead(id: number): Ticket | undefined {
    if (this.#inFlight[0]?.id !== id) return undefined
    const ticket = this.#inFlight.shift()
    this.#watchHead()
    this.#host.onRoom()
    return ticket
  }

  /** The time of a job counts from when it is first in its thread. */
  #watchHead(): void {
    clearTimeout(this.#timer)
    const head = this.#inFlight[0]
    if (head === undefined) return
    const timeoutMs = this.#host.jobTimeoutMs
    this.#watch(timeoutMs, () => {
      const late = new ConnectorError(
        'worker/timeout',
        `the ${head.kind} job did not end within ${timeoutMs} ms; its worker is replaced`,
        { isTransient: true },
      )
      this.#lose(late)
    })
  }

  #watch(ms: number, onTimeout: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(onTimeout, ms)
  }

  /** The first job may be what killed the thread, so it is answered and not tried again; those behind it go back. */
  #lose(reason: ConnectorError): void {
    clearTimeout(this.#timer)
    const worker = this.#worker
    this.#worker = undefined
    this.#state = 'pausing'
    const [head, ...rest] = this.#inFlight.splice(0)
    const lived = this.#readySince === 0 ? 0 : performance.now() - this.#readySince
    this.#accidents = lived >= stableAfterMs ? 1 : this.#accidents + 1
    this.#readySince = 0
    // A thread that is already gone, or that ends late, has no say any more: its listeners compare identities.
    void worker?.terminate()
    for (const waiter of this.#keyWaiters.splice(0)) waiter.resolve()
    this.#host.onLost(reason)
    head?.reject(reason)
    this.#host.onReturned(rest)
    const pauseMs = pauseAfterAttempt(restartPausesSeconds, this.#accidents, this.#host.random())
    this.#watch(pauseMs, () => this.#start())
  }

  #post(message: ToWorker): void {
    this.#worker?.postMessage(message)
  }
}

/** A worker that is gone, with what is known of why. */
export function workerDied(why: string): ConnectorError {
  return new ConnectorError('worker/died', why, { isTransient: true, retryAfterMs: 1_000 })
}
