import type { CertificateSigner } from '../ca/index.ts'
import { type Clock, systemClock } from '../kernel/index.ts'
import type { ScepCodec } from '../scep/index.ts'
import type { CryptoJobTable, CryptoKeys } from './crypto-job-table.ts'
import { ownBytes } from './own-bytes.ts'
import { encodeRules } from './rules-crossing.ts'
import { type PoolStatistics, WorkerPool } from './worker-pool.ts'

export interface CryptoPoolOptions {
  /** Number of threads; as many as there are cores. */
  readonly size: number
  readonly keys: CryptoKeys
  /** Default 64. */
  readonly queuePerWorker?: number
  /** Longest run of a job, in milliseconds. Default 10,000. */
  readonly jobTimeoutMs?: number
  /** Dates replies and judges signingTime. Default the machine's clock. */
  readonly clock?: Clock
  /** Module that runs in the threads. Default the one beside this file; tests bring their own. */
  readonly entry?: URL
}

/** The cryptography of the product in worker threads, which alone hold the private keys. */
export interface CryptoPool extends ScepCodec, CertificateSigner {
  /**
   * Resolves when every thread holds the keys.
   *
   * @throws ConnectorError `key/unreadable` and others: why a thread could not start
   */
  ready(): Promise<void>
  /** @see WorkerPool.updateKeys */
  updateKeys(keys: CryptoKeys): Promise<void>
  statistics(): PoolStatistics
  /** Finishes what was accepted, then ends the threads. */
  close(): Promise<void>
}

/**
 * Starts the pool. Jobs may be given at once; they wait until the threads are ready.
 *
 * `open` is refused first under load; `seal`, `issueCertificate` and `sign` finish what was begun.
 */
export function createCryptoPool(options: CryptoPoolOptions): CryptoPool {
  const clock = options.clock ?? systemClock
  const pool = new WorkerPool<CryptoJobTable>({
    entry: options.entry ?? defaultEntry(),
    size: options.size,
    keys: options.keys,
    queuePerWorker: options.queuePerWorker ?? 64,
    jobTimeoutMs: options.jobTimeoutMs ?? 10_000,
  })
  const isBegun = true

  return {
    open: (messageDer, rules) =>
      pool.run('open', {
        messageDer: ownBytes(messageDer),
        rules: encodeRules(rules),
        now: clock.now(),
      }),
    seal: (frame, reply, rules) =>
      pool.run('seal', { frame, reply, rules: encodeRules(rules), now: clock.now() }, { isBegun }),
    issueCertificate: (caId, order) => pool.run('issue', { caId, order }, { isBegun }),
    sign: (caId, data) => pool.run('sign', { caId, data: ownBytes(data) }, { isBegun }),
    ready: () => pool.ready(),
    updateKeys: (keys) => pool.updateKeys(keys),
    statistics: () => pool.statistics(),
    close: () => pool.close(),
  }
}

/** The worker has the file type of this module: source when run unbuilt, JavaScript when built. */
function defaultEntry(): URL {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
  return new URL(`./worker${extension}`, import.meta.url)
}
