import { getCompileCacheDir } from 'node:module'
import { ConnectorError } from '../../../src/kernel/index.ts'
import { serveJobs } from '../../../src/workers/serve-jobs.ts'

/** Jobs that a test can hold up, break and kill. `gate` is shared memory: a job waits until the test opens it. */
export type FaultyJobTable = {
  readonly echo: { readonly input: unknown; readonly result: unknown }
  readonly keys: { readonly input: undefined; readonly result: string }
  readonly surroundings: { readonly input: undefined; readonly result: Surroundings }
  /** Adds one to cell 0, so that the test sees it run, and waits until cell 1 is not zero. */
  readonly wait: { readonly input: Int32Array; readonly result: string }
  readonly hang: { readonly input: undefined; readonly result: never }
  readonly die: { readonly input: undefined; readonly result: never }
  readonly refuse: { readonly input: undefined; readonly result: never }
  readonly blunder: { readonly input: string; readonly result: never }
}

/** What the thread knows of the process. */
export interface Surroundings {
  /** Where it looks for compiled code. */
  readonly compiled: string | undefined
  /** Of its environment. */
  readonly names: readonly string[]
}

export interface FaultyKeys {
  readonly name: string
  /** Counted up at each start of a worker. */
  readonly starts?: Int32Array
}

serveJobs<FaultyKeys, FaultyJobTable>((keys) => {
  if (keys.starts !== undefined) Atomics.add(keys.starts, 0, 1)
  if (keys.name === 'broken') throw new ConnectorError('key/unreadable', 'the key is broken')
  if (keys.name === 'deadly') process.exit(9)
  return {
    echo: (input) => input,
    keys: () => keys.name,
    surroundings: () => ({ compiled: getCompileCacheDir(), names: Object.keys(process.env) }),
    wait: (gate) => {
      Atomics.add(gate, 0, 1)
      Atomics.notify(gate, 0)
      Atomics.wait(gate, 1, 0)
      return keys.name
    },
    hang: () => {
      for (;;);
    },
    die: () => process.exit(7),
    refuse: () => {
      throw new ConnectorError('scep/malformed', 'no transactionID', {
        told: 'Not a SCEP message.',
        isTransient: true,
        retryAfterMs: 1234,
      })
    },
    blunder: (secret) => {
      throw new TypeError(`cannot use ${secret}`)
    },
  }
})
