import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { Statement } from '../sql-executor.ts'
import type { SqliteSettings } from './sqlite-connection.ts'
import { type UnitAnswer, UnitWriter } from './unit-writer.ts'

/** To the thread: a unit, or the end. */
export type ToWriter =
  | { readonly id: number; readonly unit: readonly Statement[] }
  | { readonly id: 'close' }

/** From the thread: the answers of one transaction. */
export interface FromWriter {
  readonly ids: readonly number[]
  readonly answers: readonly UnitAnswer[]
  readonly commits: number
  readonly openings: number
}

/** Units in one transaction. More would make the first caller wait for the last without saving much. */
const UNITS_PER_COMMIT = 64

if (parentPort !== null) serveUnits(parentPort, new UnitWriter(workerData as SqliteSettings))

function serveUnits(port: MessagePort, writer: UnitWriter): void {
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
      // What came while the last transaction was on its way to the disk shares the next one.
      next = units.length < UNITS_PER_COMMIT ? takeWaiting(port) : undefined
    }
    if (units.length > 0) {
      const answers = writer.write(units)
      const { commits, openings } = writer
      port.postMessage({ ids, answers, commits, openings } satisfies FromWriter)
    }
    if (isLast) {
      writer.close()
      port.close()
    }
  })
}

function takeWaiting(port: MessagePort): ToWriter | undefined {
  return receiveMessageOnPort(port)?.message as ToWriter | undefined
}
