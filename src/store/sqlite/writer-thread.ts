import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { Statement } from '../sql-executor.ts'
import { createDatabaseFile, openForWriting, type SqliteSettings } from './sqlite-connection.ts'
import { wrapSqliteError } from './sqlite-failure.ts'
import { migrateDatabase } from './sqlite-migration.ts'
import { type UnitAnswer, UnitWriter } from './unit-writer.ts'

/** What the thread is started with. */
export interface WriterData extends SqliteSettings {
  /** Make the file and bring it up to date first. False for a thread that takes the place of one that died. */
  readonly prepare: boolean
}

/** To the thread: a unit, or the end. */
export type ToWriter =
  | { readonly id: number; readonly unit: readonly Statement[] }
  | { readonly id: 'close' }

/** From the thread: `ready` or `refused` once, then one answer list for each transaction. */
export type FromWriter =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly message: string; readonly isTransient: boolean }
  | {
      readonly kind: 'answers'
      readonly ids: readonly number[]
      readonly answers: readonly UnitAnswer[]
      readonly commits: number
      readonly openings: number
    }

/** Units in one transaction. More would make the first caller wait for the last without saving much. */
const UNITS_PER_COMMIT = 64

if (parentPort !== null) await serveUnits(parentPort, workerData as WriterData)

async function serveUnits(port: MessagePort, data: WriterData): Promise<void> {
  try {
    if (data.prepare) await prepareDatabase(data)
  } catch (error) {
    const { message, isTransient } = wrapSqliteError(error, `cannot open ${data.file}`)
    port.postMessage({ kind: 'refused', message, isTransient } satisfies FromWriter)
    port.close()
    return
  }
  const writer = new UnitWriter(data)
  port.on('message', (first: ToWriter) => {
    const ids: number[] = []
    const units: (readonly Statement[])[] = []
    let isLast = false
    for (let next: ToWriter | undefined = first; next !== undefined; ) {
      if (next.id === 'close') {
        isLast = true
        break
      }
      ids.push(next.id)
      units.push(next.unit)
      next = units.length < UNITS_PER_COMMIT ? takeWaiting(port) : undefined
    }
    if (units.length > 0) {
      const answers = writer.write(units)
      const { commits, openings } = writer
      port.postMessage({ kind: 'answers', ids, answers, commits, openings } satisfies FromWriter)
    }
    if (isLast) {
      writer.close()
      port.close()
    }
  })
  port.postMessage({ kind: 'ready' } satisfies FromWriter)
}

function takeWaiting(port: MessagePort): ToWriter | undefined {
  return receiveMessageOnPort(port)?.message as ToWriter | undefined
}

async function prepareDatabase(data: WriterData): Promise<void> {
  createDatabaseFile(data.file)
  const connection = openForWriting(data)
  try {
    await migrateDatabase(connection.database)
  } finally {
    connection.close()
  }
}
