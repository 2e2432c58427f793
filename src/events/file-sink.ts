import { type Clock, systemClock } from '../kernel/index.ts'
import { LogFile } from './log-file.ts'
import { encodeRecord } from './record-line.ts'
import type { Channel, EventRecord, EventSink, SinkHealth, SinkRecovery } from './types.ts'

export interface FileSinkOptions {
  /** Made with mode 0700 when it is missing; files have mode 0600. */
  readonly directory: string
  /** Default 52,428,800 (50 MB, as Microsoft's channels). */
  readonly maxBytes?: number
  /** Compressed archives kept for each channel. Default 20. */
  readonly archives?: number
  /** Bytes of a channel that may wait in memory while the disk refuses them. Default 8 MiB. */
  readonly maxWaitingBytes?: number
  /** Pause before a disk that refused is tried again. Default 1000. */
  readonly retryMs?: number
  readonly clock?: Clock
}

/** A sink whose health is always known. */
export interface FileSink extends EventSink {
  health(): SinkHealth
}

/**
 * The admin and operational logs: `admin.jsonl` and `operational.jsonl`, one JSON line an event, archived when full.
 * One process writes into a directory; any number may read. Nothing is opened before the first event.
 */
export function createFileSink(options: FileSinkOptions): FileSink {
  const listeners: ((recovery: SinkRecovery) => void)[] = []
  const createLog = (channel: Channel): LogFile =>
    new LogFile({
      directory: options.directory,
      channel,
      maxBytes: options.maxBytes ?? 52_428_800,
      archives: options.archives ?? 20,
      maxWaitingBytes: options.maxWaitingBytes ?? 8 * 1024 * 1024,
      retryMs: options.retryMs ?? 1000,
      clock: options.clock ?? systemClock,
      onRecovery: (droppedLines) => {
        for (const tell of listeners) tell({ sink: `${channel} log`, droppedLines })
      },
    })
  const logs = { admin: createLog('admin'), operational: createLog('operational') }

  return {
    write: (record: EventRecord) => logs[record.channel].append(encodeRecord(record)),
    flush: async () => {
      await Promise.all([logs.admin.flush(), logs.operational.flush()])
    },
    close: async () => {
      await Promise.all([logs.admin.close(), logs.operational.close()])
    },
    health: () => {
      const all = [logs.admin.health(), logs.operational.health()]
      return {
        ok: all.every((log) => log.ok),
        detail: all.map((log) => log.detail).join('; '),
        droppedLines: all.reduce((sum, log) => sum + log.droppedLines, 0),
      }
    },
    onRecovery: (listener) => {
      listeners.push(listener)
    },
  }
}
