import { parentPort, workerData } from 'node:worker_threads'
import { createLimit, type LimitKeys } from './limit.ts'

/** Runs the limit without a pause for as many milliseconds as a message says; answers how often it ran. */
const runLimit = createLimit(workerData as LimitKeys)
let index = 0

parentPort?.on('message', (milliseconds: number) => {
  const first = index
  for (const until = performance.now() + milliseconds; performance.now() < until; index += 1) {
    runLimit(index)
  }
  parentPort?.postMessage(index - first)
})
parentPort?.postMessage('ready')
