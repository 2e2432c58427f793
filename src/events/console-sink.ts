import type { Writable } from 'node:stream'
import { formatEventId } from './catalogue.ts'
import { commonFields } from './fields.ts'
import { encodeRecord } from './record-line.ts'
import type { EventRecord, EventSink, SinkHealth, SinkRecovery } from './types.ts'

export interface ConsoleSinkOptions {
  /** `json`: one JSON line an event. `pretty`: a short line for people. */
  readonly format: 'json' | 'pretty'
  /** Standard output, as a rule. */
  readonly stream: Writable
  /** Bytes that may wait in the stream; lines beyond are dropped and counted. Default 4 MiB. */
  readonly maxWaitingBytes?: number
}

const marks = { debug: 'D', information: 'I', warning: 'W', error: 'E' } as const

/**
 * Writes events to a stream that it does not own. A reader that is slow or gone loses lines, never stops the process.
 * The lines of a tick go out in one piece: standard output into a file or a pipe blocks for each write.
 */
export function createConsoleSink(options: ConsoleSinkOptions): EventSink {
  const { stream } = options
  const encode = options.format === 'json' ? encodeRecord : formatRecord
  const listeners: ((recovery: SinkRecovery) => void)[] = []
  const maxWaitingBytes = options.maxWaitingBytes ?? 4 * 1024 * 1024
  let failure: string | undefined
  let droppedLines = 0
  let unreportedLines = 0
  let isClosed = false
  let waiting = ''

  const writeWaiting = (): void => {
    const lines = waiting
    waiting = ''
    if (lines !== '' && failure === undefined && stream.writable) stream.write(lines)
  }
  const onError = (error: Error): void => {
    failure = `console cannot be written: ${'code' in error ? String(error.code) : error.message}`
  }
  const onDrain = (): void => {
    if (unreportedLines === 0) return
    const lost = unreportedLines
    unreportedLines = 0
    for (const tell of listeners) tell({ sink: 'console', droppedLines: lost })
  }
  stream.on('error', onError)
  stream.on('drain', onDrain)

  return {
    write: (record) => {
      const isBlocked = stream.writableLength + waiting.length > maxWaitingBytes
      if (isClosed || failure !== undefined || !stream.writable || isBlocked) {
        droppedLines++
        unreportedLines++
        return
      }
      if (waiting === '') setImmediate(writeWaiting)
      waiting += `${encode(record)}\n`
    },
    flush: () =>
      new Promise((resolve) => {
        writeWaiting()
        if (failure !== undefined || !stream.writable) resolve()
        else stream.write('', () => resolve())
      }),
    close: async () => {
      writeWaiting()
      isClosed = true
      stream.off('drain', onDrain)
    },
    health: (): SinkHealth => ({
      ok: failure === undefined,
      detail: failure ?? 'console is written',
      droppedLines,
    }),
    onRecovery: (listener) => {
      listeners.push(listener)
    },
  }
}

/** `21:45:01.123 I 4006 ScepIssuedSuccess  transactionId=… serialNumber=…`, in UTC. For people; not parsed again. */
export function formatRecord(record: EventRecord): string {
  const fields = Object.entries(record)
    .filter(([name, value]) => value !== undefined && !Object.hasOwn(commonFields, name))
    .map(([name, value]) => `${name}=${formatValue(value)}`)
  const time = record.timestamp.toISOString().slice(11, 23)
  const said = record.level === 'debug' ? [record.message] : []
  const head = `${time} ${marks[record.level]} ${formatEventId(record.eventId)} ${record.eventName}`
  return [head, ...said, ...fields].join('  ')
}

function formatValue(value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  const text = String(value)
  return /[\s"=]/.test(text) ? JSON.stringify(text) : text
}
