import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { ownCpuMs } from './figures.ts'
import type { LimitKeys } from './limit.ts'

/** The limit in as many threads as there are cores: what it costs on a machine that is as busy as under load. */
export interface ParallelLimit {
  /** CPU milliseconds of one enrolment, over this many milliseconds. Nothing else may run in this process meanwhile. */
  measure(milliseconds: number): Promise<{ readonly cpuMs: number; readonly perSecond: number }>
  close(): Promise<void>
}

export async function startParallelLimit(keys: LimitKeys): Promise<ParallelLimit> {
  const threads = Array.from(
    { length: availableParallelism() },
    () => new Worker(new URL('./limit-thread.ts', import.meta.url), { workerData: keys }),
  )
  await Promise.all(threads.map((thread) => once(thread, 'message')))

  return {
    async measure(milliseconds) {
      const cpuBefore = ownCpuMs()
      const startedAt = performance.now()
      const counts = await Promise.all(
        threads.map(async (thread) => {
          thread.postMessage(milliseconds)
          const [count] = (await once(thread, 'message')) as [number]
          return count
        }),
      )
      const total = counts.reduce((sum, count) => sum + count, 0)
      return {
        cpuMs: (ownCpuMs() - cpuBefore) / total,
        perSecond: (total * 1000) / (performance.now() - startedAt),
      }
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.terminate()))
    },
  }
}
