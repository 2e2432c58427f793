import { Worker } from 'node:worker_threads'
import { ConnectorError, threadEnvironment } from '../../kernel/index.ts'
import type { SqlValue, Statement, UnitOutcome, UnitResults } from '../sql-executor.ts'
import type { SqliteSettings } from './sqlite-connection.ts'
import type { UnitAnswer } from './unit-writer.ts'
import type { FromWriter, ToWriter } from './writer-thread.ts'

/** Starts a writer's thread. A parameter, so that a test can take the thread away. */
export type StartWriter = (settings: SqliteSettings) => Worker

/** Units that may wait. Beyond it the disk is hopelessly behind, and failing early is kinder than waiting. */
const MAX_WAITING = 8192

interface Waiting {
  resolve(answer: UnitAnswer): void
  reject(error: ConnectorError): void
}

/** This side of the writer's thread: hands units over, gives answers back, starts a new thread when one has died. */
export class SqliteWriter {
  readonly #settings: SqliteSettings
  readonly #start: StartWriter
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #lastId = 0
  #commits = 0
  #commitsOfDead = 0
  #openings = 0
  #openingsOfDead = 0
  #isClosed = false

  constructor(settings: SqliteSettings, start: StartWriter = startWriterThread) {
    this.#settings = settings
    this.#start = start
    this.#startWorker().unref()
  }

  /** Transactions committed so far. */
  get commits(): number {
    return this.#commitsOfDead + this.#commits
  }

  /** How often the file was opened for writing; when it grows, the file may be another one. */
  get openings(): number {
    return this.#openingsOfDead + this.#openings
  }

  /** Writes one unit; see SqlExecutor. */
  async write<const Unit extends readonly Statement[]>(unit: Unit): Promise<UnitOutcome<Unit>> {
    if (this.#isClosed) throw new ConnectorError('store/unavailable', 'the store is closed')
    if (this.#waiting.size >= MAX_WAITING)
      throw new ConnectorError(
        'store/unavailable',
        `${MAX_WAITING} writes wait for the disk already`,
        { isTransient: true },
      )
    const worker = this.#worker ?? this.#startWorker()
    this.#lastId += 1
    const id = this.#lastId
    const answer = await new Promise<UnitAnswer>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      // The process stays for a write that is under way, and only for that.
      worker.ref()
      worker.postMessage({ id, unit: unit.map(ownStatement) } satisfies ToWriter)
    })
    switch (answer.kind) {
      case 'done':
        // One result a statement, in order: the thread maps over the unit.
        return { kind: 'done', results: answer.results as UnitResults<Unit> }
      case 'conflict':
        return answer
      case 'failed':
        throw new ConnectorError(answer.code, answer.message, { isTransient: answer.isTransient })
    }
  }

  /** Waits for what is under way, then lets the thread end. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const worker = this.#worker
    if (worker === undefined) return
    worker.ref()
    const ended = new Promise<void>((resolve) => {
      worker.once('exit', () => resolve())
    })
    worker.postMessage({ id: 'close' } satisfies ToWriter)
    await ended
  }

  #startWorker(): Worker {
    const worker = this.#start(this.#settings)
    this.#worker = worker
    let cause: unknown
    worker.on('message', (message: FromWriter) => {
      this.#answer(worker, message)
    })
    worker.on('error', (error: unknown) => {
      cause = error
    })
    worker.once('exit', () => {
      if (this.#worker !== worker) return
      this.#worker = undefined
      this.#commitsOfDead += this.#commits
      this.#commits = 0
      this.#openingsOfDead += this.#openings
      this.#openings = 0
      const lost = [...this.#waiting.values()]
      this.#waiting.clear()
      for (const waiting of lost) waiting.reject(this.#died(cause))
    })
    return worker
  }

  #answer(worker: Worker, message: FromWriter): void {
    this.#commits = message.commits
    this.#openings = message.openings
    for (const [index, id] of message.ids.entries()) {
      const answer = message.answers[index]
      if (answer !== undefined) this.#waiting.get(id)?.resolve(answer)
      this.#waiting.delete(id)
    }
    if (this.#waiting.size === 0 && !this.#isClosed) worker.unref()
  }

  #died(cause?: unknown): ConnectorError {
    return new ConnectorError(
      'store/unavailable',
      'the thread that writes the database ended; what it was given may or may not be written',
      { cause, isTransient: true },
    )
  }
}

/**
 * Starts the real thread, from source or from the build. Nothing of the environment that may hold secrets, and no arguments;
 * options of the process, such as --eval, are not the thread's.
 */
export function startWriterThread(settings: SqliteSettings): Worker {
  const suffix = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
  return new Worker(new URL(`./writer-thread${suffix}`, import.meta.url), {
    workerData: settings,
    env: threadEnvironment(),
    argv: [],
    execArgv: [],
    name: 'store-writer',
  })
}

// Cloning a view copies the whole buffer under it; parsed fields are often views on a much larger message.
function ownStatement(statement: Statement): Statement {
  const { sql, mustAffect } = statement
  const parameters = statement.parameters.map((value: SqlValue) =>
    value instanceof Uint8Array && value.byteLength !== value.buffer.byteLength
      ? new Uint8Array(value)
      : value,
  )
  return mustAffect === undefined ? { sql, parameters } : { sql, parameters, mustAffect }
}
