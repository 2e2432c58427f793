import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { ProbeOrder, ProbeResult } from './health-probe-thread.ts'

const EVERY_MS = 20

/**
 * Asks `/healthz` at once and every 20 ms, from a thread of its own so that a busy load generator does not add to the times.
 *
 * @returns when the first question is sent; ends the probing and tells what it saw
 */
export async function startHealthProbe(url: string): Promise<() => Promise<ProbeResult>> {
  const workerData: ProbeOrder = { url, everyMs: EVERY_MS }
  const thread = new Worker(new URL('./health-probe-thread.ts', import.meta.url), { workerData })
  await once(thread, 'message')
  return async () => {
    const answer = once(thread, 'message') as Promise<[ProbeResult]>
    thread.postMessage('end')
    const [result] = await answer
    await thread.terminate()
    return result
  }
}
