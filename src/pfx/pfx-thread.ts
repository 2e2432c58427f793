import { parentPort, workerData } from 'node:worker_threads'
import { ConnectorError } from '../kernel/index.ts'
import { type OpenedPfx, openPfx } from './open-pfx.ts'

/** To the thread, when it is made. */
export interface PfxJob {
  readonly bytes: Uint8Array
  readonly password: string
}

/** From the thread, once. */
export type PfxAnswer = { readonly opened: OpenedPfx } | { readonly problem: string }

if (parentPort !== null) parentPort.postMessage(answer(workerData as PfxJob))

function answer({ bytes, password }: PfxJob): PfxAnswer {
  try {
    return { opened: openPfx(bytes, password) }
  } catch (error) {
    // Messages of errors that are not ours may quote what they choked on, and that is keys.
    return { problem: error instanceof ConnectorError ? error.message : 'the file cannot be read' }
  }
}
