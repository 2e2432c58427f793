import { startHealthProbe } from './health-probe.ts'
import { type LoadResult, sendLoad } from './load.ts'
import type { ParallelLimit } from './parallel-limit.ts'
import type { BenchServer } from './server.ts'

/** A server under load for some seconds. */
export interface ServerRound extends LoadResult {
  /** CPU of the server's process for one enrolment, everything included. */
  readonly serverCpuMs: number
  readonly enrolmentsPerSecond: number
  readonly healthLatenciesMs: readonly number[]
  readonly healthFailures: number
}

/** The empty server and, where there is one, the filled one, with the same requests, between two looks at the limit. */
export interface Round {
  /** CPU of the limit for one enrolment with a loop on every core: mean of before and after. */
  readonly busyLimitMs: number
  readonly busyLimitPerSecond: number
  readonly empty: ServerRound
  readonly filled: ServerRound | undefined
}

export interface RoundsOrder {
  readonly empty: BenchServer
  readonly filled: BenchServer | undefined
  readonly parallelLimit: ParallelLimit
  /** Sent before anything counts. */
  readonly warmUp: readonly Uint8Array[]
  /** The requests of each round. */
  readonly batches: readonly (readonly Uint8Array[])[]
  readonly seconds: number
  /** Length of each look at the limit, in milliseconds. */
  readonly limitMs: number
  readonly say: (progress: string) => void
}

/** Longest warm-up of one server. */
const WARM_UP_MS = 15_000

/** Measures the rounds one after the other; which server comes first changes from round to round. */
export async function measureRounds(order: RoundsOrder): Promise<readonly Round[]> {
  const { empty, filled, parallelLimit, seconds, limitMs } = order
  const maxMs = seconds * 1_000
  for (const server of [empty, filled]) {
    if (server !== undefined) await sendLoad(server.scepUrl, order.warmUp, WARM_UP_MS)
  }
  const rounds: Round[] = []
  let before = await parallelLimit.measure(limitMs)
  for (const [index, batch] of order.batches.entries()) {
    order.say(`  round ${index + 1} of ${order.batches.length}`)
    const measureFilled = async () =>
      filled === undefined ? undefined : await measureServer(filled, batch, maxMs)
    const early = index % 2 === 1 ? await measureFilled() : undefined
    const ofEmpty = await measureServer(empty, batch, maxMs)
    const ofFilled = early ?? (await measureFilled())
    const after = await parallelLimit.measure(limitMs)
    rounds.push({
      busyLimitMs: (before.cpuMs + after.cpuMs) / 2,
      busyLimitPerSecond: (before.perSecond + after.perSecond) / 2,
      empty: ofEmpty,
      filled: ofFilled,
    })
    before = after
  }
  return rounds
}

async function measureServer(
  server: BenchServer,
  batch: readonly Uint8Array[],
  maxMs: number,
): Promise<ServerRound> {
  const endProbe = await startHealthProbe(server.healthUrl)
  const cpuBefore = server.cpuMs()
  const load = await sendLoad(server.scepUrl, batch, maxMs)
  const cpuMs = server.cpuMs() - cpuBefore
  const health = await endProbe()
  return {
    ...load,
    serverCpuMs: cpuMs / load.enrolments,
    enrolmentsPerSecond: (load.enrolments * 1_000) / load.elapsedMs,
    healthLatenciesMs: health.latenciesMs,
    healthFailures: health.failures,
  }
}
