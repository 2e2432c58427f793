import { parentPort } from 'node:worker_threads'
import { encodeError } from './error-crossing.ts'
import type { FromWorker, JobRunner, JobTable, ToWorker } from './job-table.ts'

/**
 * Makes the current thread a worker of a pool: waits for keys, then runs jobs one after the other.
 *
 * Keys that cannot be used are refused and leave the earlier ones in place. A job that throws is answered; the thread
 * goes on.
 *
 * @param createRunner imports the keys (once, into key objects of this thread) and gives the jobs that use them
 * @param transferables buffers of a result that this thread no longer needs; they move instead of being copied
 * @throws TypeError this is the main thread
 */
export function serveJobs<Keys, Jobs extends JobTable>(
  createRunner: (keys: Keys) => JobRunner<Jobs>,
  transferables: (result: unknown) => readonly ArrayBuffer[] = () => [],
): void {
  const port = parentPort
  if (port === null) throw new TypeError('serveJobs runs in a worker thread only')
  let runner: JobRunner<Jobs> | undefined

  function answer(message: FromWorker, moved: readonly ArrayBuffer[] = []): void {
    port?.postMessage(message, [...moved])
  }

  port.on('message', (message: ToWorker) => {
    if (message.type === 'keys') {
      try {
        runner = createRunner(message.keys as Keys)
        answer({ type: 'keys-loaded' })
      } catch (error) {
        answer({ type: 'keys-refused', error: encodeError(error) })
      }
      return
    }
    try {
      const run = runner?.[message.kind]
      if (run === undefined) throw new TypeError(`no job of this kind: ${message.kind}`)
      const result = run(message.input)
      answer({ type: 'done', id: message.id, result }, transferables(result))
    } catch (error) {
      answer({ type: 'failed', id: message.id, error: encodeError(error) })
    }
  })
}
