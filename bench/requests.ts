import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { RequestBatch } from './request-thread.ts'

/**
 * Builds distinct PKCSReq messages before anything is measured, on all cores, about 2 ms of CPU each.
 *
 * Each has its own subject, transactionID, nonce, content key and CSR, so that each is a new enrolment. Neighbours have
 * different device keys.
 */
export async function buildRequests(
  order: Omit<RequestBatch, 'prefix'>,
): Promise<readonly Uint8Array[]> {
  const threads = Math.min(availableParallelism(), order.count)
  const parts = await Promise.all(
    Array.from({ length: threads }, async (_, index) => {
      const count = Math.ceil(order.count / threads)
      const workerData: RequestBatch = { ...order, count, prefix: `bench-${index}` }
      const thread = new Worker(new URL('./request-thread.ts', import.meta.url), { workerData })
      const [messages] = (await once(thread, 'message')) as [readonly Uint8Array[]]
      await thread.terminate()
      return messages
    }),
  )
  return parts.flat()
}
