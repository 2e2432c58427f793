import { Agent, get } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'

/** What a probe does; see `health-probe.ts`. */
export interface ProbeOrder {
  readonly url: string
  readonly everyMs: number
}

/** What a probe saw. */
export interface ProbeResult {
  readonly latenciesMs: readonly number[]
  readonly failures: number
}

const { url, everyMs } = workerData as ProbeOrder
const agent = new Agent({ keepAlive: true })
const latenciesMs: number[] = []
let failures = 0
let underWay = 0
let isEnding = false

// The next probe does not wait for the last one: a server that hangs shows in many of them.
function probe(): void {
  const sentAt = performance.now()
  underWay += 1
  const end = (isFailure: boolean): void => {
    underWay -= 1
    latenciesMs.push(performance.now() - sentAt)
    if (isFailure) failures += 1
    if (isEnding && underWay === 0) finish()
  }
  get(url, { agent }, (response) => {
    response.resume()
    response.once('end', () => end(response.statusCode !== 200))
  }).once('error', () => end(true))
}

const timer = setInterval(probe, everyMs)
probe()
parentPort?.postMessage('begun')

parentPort?.once('message', () => {
  clearInterval(timer)
  isEnding = true
  if (underWay === 0) finish()
})

function finish(): void {
  parentPort?.postMessage({ latenciesMs, failures } satisfies ProbeResult)
  agent.destroy()
}
