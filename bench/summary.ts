import { availableParallelism } from 'node:os'
import { medianOf, percentileOf, round } from './figures.ts'
import type { VariantResult } from './variant.ts'

/** The figures of one variant. Milliseconds, medians over slices or rounds unless their name says otherwise. */
export type Summary = ReturnType<typeof summarise>

/** What the project promises itself; see docs/bench.md. */
export const TARGETS = {
  handlerRatio: 1.3,
  serverRatio: 1.7,
  healthP99Ms: 50,
  failures: 0,
  /** Lowest throughput with a filled register, as a part of that with an empty one. */
  filledThroughput: 0.9,
} as const

/** Boils the measurements of one variant down. Ratios are taken slice by slice and round by round, then their median. */
export function summarise({ variant, oneThread, rounds, revocation, pkcs }: VariantResult) {
  const { limitMs, handlerMs } = oneThread
  const pairs = limitMs.map((limit, slice) => (handlerMs[slice] ?? Number.NaN) / limit)
  const empty = rounds.map((one) => one.empty)
  const filled = rounds.flatMap((one) => one.filled ?? [])
  const latencies = empty.flatMap((one) => one.latenciesMs)
  const health = [...empty, ...filled].flatMap((one) => one.healthLatenciesMs)
  return {
    variant,
    limitMs: round(medianOf(limitMs), 3),
    limitMinMs: round(Math.min(...limitMs), 3),
    handlerMs: round(medianOf(handlerMs), 3),
    handlerMinMs: round(Math.min(...handlerMs), 3),
    handlerRatio: round(medianOf(pairs)),
    handlerMinRatio: round(Math.min(...handlerMs) / Math.min(...limitMs)),
    busyLimitMs: round(medianOf(rounds.map((one) => one.busyLimitMs)), 3),
    busyLimitPerSecond: round(medianOf(rounds.map((one) => one.busyLimitPerSecond)), 0),
    /** The part of all cores that the limit got: what others take is missing in throughput and latency. */
    machineShare: round(
      medianOf(
        rounds.map(
          (one) => (one.busyLimitPerSecond * one.busyLimitMs) / (1_000 * availableParallelism()),
        ),
      ),
    ),
    serverCpuMs: round(medianOf(empty.map((one) => one.serverCpuMs)), 3),
    serverRatio: round(medianOf(rounds.map((one) => one.empty.serverCpuMs / one.busyLimitMs))),
    enrolmentsPerSecond: round(medianOf(empty.map((one) => one.enrolmentsPerSecond)), 0),
    p50Ms: round(percentileOf(latencies, 50), 1),
    p95Ms: round(percentileOf(latencies, 95), 1),
    p99Ms: round(percentileOf(latencies, 99), 1),
    healthP50Ms: round(percentileOf(health, 50), 1),
    healthP99Ms: round(percentileOf(health, 99), 1),
    filledEnrolmentsPerSecond: orNull(medianOf(filled.map((one) => one.enrolmentsPerSecond)), 0),
    filledThroughput: orNull(
      medianOf(
        rounds.flatMap((one) =>
          one.filled === undefined
            ? []
            : one.filled.enrolmentsPerSecond / one.empty.enrolmentsPerSecond,
        ),
      ),
    ),
    /** The same for CPU of the server an enrolment, which depends less on what else runs. */
    filledCpuRatio: orNull(
      medianOf(
        rounds.flatMap((one) =>
          one.filled === undefined ? [] : one.filled.serverCpuMs / one.empty.serverCpuMs,
        ),
      ),
    ),
    enrolments: sum([...empty, ...filled].map((one) => one.enrolments)),
    ocspSignedPerSecond: round(revocation.ocspSignedPerSecond, 0),
    ocspCachedPerSecond: round(revocation.ocspCachedPerSecond, 0),
    crlEntries: revocation.crlEntries,
    crlBytes: revocation.crlBytes,
    crlBuildMs: round(medianOf(revocation.crlBuildMs), 0),
    /** The longest of all publications: nobody is served meanwhile. */
    crlLongestDelayMs: round(Math.max(...revocation.crlDelayMs), 1),
    pkcsItemsPerSecond: round(medianOf(pkcs.itemsPerSecond), 0),
    pkcsItemCpuMs: round(medianOf(pkcs.itemCpuMs), 3),
    /** What a core would do that has nothing else to do. */
    pkcsItemsPerCoreSecond: round(1_000 / medianOf(pkcs.itemCpuMs), 0),
    pkcsItems: pkcs.items,
    pkcsKeyGenerationMs: round(pkcs.keyCpuMs, 1),
    pkcsKeysPerSecond: round(pkcs.keysPerSecond, 1),
    failures:
      sum([...empty, ...filled].map((one) => one.failures + one.healthFailures)) + pkcs.failures,
    complaints: [
      ...[...empty, ...filled].flatMap((one) => one.complaints).slice(0, 3),
      ...pkcs.complaints,
    ],
  }
}

/** Names of the targets that a variant misses. */
export function checkTargets(summary: Summary): readonly string[] {
  const { filledThroughput } = summary
  return [
    ...(summary.handlerRatio <= TARGETS.handlerRatio ? [] : ['handlerRatio']),
    ...(summary.serverRatio <= TARGETS.serverRatio ? [] : ['serverRatio']),
    ...(summary.healthP99Ms < TARGETS.healthP99Ms ? [] : ['healthP99Ms']),
    ...(summary.failures === TARGETS.failures ? [] : ['failures']),
    ...(filledThroughput === null || filledThroughput >= TARGETS.filledThroughput
      ? []
      : ['filledThroughput']),
  ]
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0)
}

/** JSON has no NaN: what was not measured is null. */
function orNull(figure: number, digits = 2): number | null {
  return Number.isNaN(figure) ? null : round(figure, digits)
}
