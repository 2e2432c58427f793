import { Worker } from 'node:worker_threads'
import { ConnectorError, type Secret, threadEnvironment } from '../kernel/index.ts'
import type { OpenedPfx } from './open-pfx.ts'
import type { PfxAnswer, PfxJob } from './pfx-thread.ts'

const DEADLINE_MS = 20_000
const MEMORY_MB = 256

/**
 * `openPfx` in a thread of its own, which is ended when it takes too long or too much memory: a hostile file costs a
 * bounded time and never the process.
 *
 * @throws ConnectorError `pfx/unreadable` as `openPfx`, or beyond the deadline
 */
export async function openPfxInThread(
  bytes: Uint8Array,
  password: Secret,
  deadlineMs = DEADLINE_MS,
): Promise<OpenedPfx> {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
  const job: PfxJob = { bytes, password: password.reveal() }
  const worker = new Worker(new URL(`./pfx-thread${extension}`, import.meta.url), {
    workerData: job,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB, maxYoungGenerationSizeMb: 32 },
    // Nothing of this process's settings is its business.
    env: threadEnvironment(),
    stdout: true,
    stderr: true,
  })
  const { promise, resolve, reject } = Promise.withResolvers<PfxAnswer>()
  const timer = setTimeout(() => {
    const message = `the file does not open within ${deadlineMs / 1000} s; export it again with fewer iterations`
    reject(new ConnectorError('pfx/unreadable', message))
  }, deadlineMs)
  worker.once('message', resolve)
  worker.once('error', () => reject(unreadable('the file cannot be read')))
  worker.once('exit', () => reject(unreadable('the file cannot be read')))
  try {
    const answer = await promise
    if ('problem' in answer) throw unreadable(answer.problem)
    return answer.opened
  } finally {
    clearTimeout(timer)
    await worker.terminate()
  }
}

function unreadable(message: string): ConnectorError {
  return new ConnectorError('pfx/unreadable', message)
}
