import { checkTargets, type Summary, TARGETS } from './summary.ts'

/** Below this part of the cores, absolute figures say little. */
const QUIET = 0.9

/** A table for people, one column a variant. */
export function formatTable(summaries: readonly Summary[]): string {
  const row = (label: string, show: (summary: Summary) => string): string =>
    label.padEnd(58) + summaries.map((summary) => show(summary).padStart(16)).join('')
  return [
    row('issuing key (RA: RSA-2048)', ({ variant }) => variant),
    '',
    'One thread, in turns: CPU ms an enrolment, median (min)',
    row('  limit: the bare calls of node:crypto', (of) => `${of.limitMs} (${of.limitMinMs})`),
    row('  handler: open, policy, sign, seal', (of) => `${of.handlerMs} (${of.handlerMinMs})`),
    row(
      `  handlerRatio, of neighbours (of minima); target ${TARGETS.handlerRatio}`,
      (of) => `${of.handlerRatio} (${of.handlerMinRatio})`,
    ),
    '',
    'All cores busy, in turns: CPU ms an enrolment',
    row('  limit, one loop on every core', (of) => `${of.busyLimitMs}`),
    row('  server process under load, everything included', (of) => `${of.serverCpuMs}`),
    row(`  serverRatio; target ${TARGETS.serverRatio}`, (of) => `${of.serverRatio}`),
    '',
    'Server over HTTP, 16 connections, SQLite on disk',
    row('  enrolments a second', (of) => `${of.enrolmentsPerSecond}`),
    row('  (the bare calls on all cores, a second)', (of) => `${of.busyLimitPerSecond}`),
    row('  (part of the cores that those got)', (of) => `${of.machineShare}`),
    row('  p50 / p95 / p99 ms', (of) => `${of.p50Ms}/${of.p95Ms}/${of.p99Ms}`),
    row(
      `  /healthz under that load, p50 / p99 ms; target < ${TARGETS.healthP99Ms}`,
      (of) => `${of.healthP50Ms}/${of.healthP99Ms}`,
    ),
    row('  a second with a filled register', (of) => `${of.filledEnrolmentsPerSecond ?? '-'}`),
    row(
      `  as part of an empty one; target ${TARGETS.filledThroughput}`,
      (of) => `${of.filledThroughput ?? '-'}`,
    ),
    row('  its CPU an enrolment, as part of an empty one', (of) => `${of.filledCpuRatio ?? '-'}`),
    row('  enrolments measured', (of) => `${of.enrolments}`),
    '',
    'Revocation information, worker threads and SQLite as in the server, without HTTP',
    row('  OCSP answers a second, each signed', (of) => `${of.ocspSignedPerSecond}`),
    row('  OCSP answers a second, from the cache', (of) => `${of.ocspCachedPerSecond}`),
    row('  entries of the CRL (octets)', (of) => `${of.crlEntries} (${of.crlBytes})`),
    row('  CRL: read, written, signed, kept, ms', (of) => `${of.crlBuildMs}`),
    row('  longest delay of the event loop meanwhile, ms', (of) => `${of.crlLongestDelayMs}`),
    '',
    'PKCS items by the real handler, RSA-2048 keys made ahead, without the service',
    row('  items a second', (of) => `${of.pkcsItemsPerSecond}`),
    row('  CPU ms an item, all threads', (of) => `${of.pkcsItemCpuMs}`),
    row('  items a second of CPU', (of) => `${of.pkcsItemsPerCoreSecond}`),
    row('  apart: CPU ms of an RSA-2048 key pair', (of) => `${of.pkcsKeyGenerationMs}`),
    row('  apart: key pairs a second, all cores', (of) => `${of.pkcsKeysPerSecond}`),
    '',
    row('  failures; target 0', (of) => `${of.failures}`),
    '',
    ...summaries.flatMap((summary) => [
      ...(summary.machineShare < QUIET
        ? [`${summary.variant}: others use this machine; throughput and latencies are theirs too`]
        : []),
      ...checkTargets(summary).map((name) => `MISSED by ${summary.variant}: ${name}`),
      ...summary.complaints.map((complaint) => `  ${summary.variant}: ${complaint}`),
    ]),
  ].join('\n')
}

/**
 * One line for programs. The members in front are the worst of all variants where more is worse, and those of the first
 * variant otherwise; each variant stands whole in `variants`.
 */
export function formatJson(summaries: readonly Summary[]): string {
  const worst = (pick: (summary: Summary) => number) => Math.max(...summaries.map(pick))
  const [first] = summaries
  return JSON.stringify({
    limitMs: first?.limitMs,
    handlerRatio: worst(({ handlerRatio }) => handlerRatio),
    serverCpuMs: first?.serverCpuMs,
    serverRatio: worst(({ serverRatio }) => serverRatio),
    enrolmentsPerSecond: first?.enrolmentsPerSecond,
    p99Ms: worst(({ p99Ms }) => p99Ms),
    healthP99Ms: worst(({ healthP99Ms }) => healthP99Ms),
    ocspSignedPerSecond: first?.ocspSignedPerSecond,
    ocspCachedPerSecond: first?.ocspCachedPerSecond,
    crlEntries: first?.crlEntries,
    crlBuildMs: worst(({ crlBuildMs }) => crlBuildMs),
    crlLongestDelayMs: worst(({ crlLongestDelayMs }) => crlLongestDelayMs),
    pkcsItemsPerSecond: first?.pkcsItemsPerSecond,
    pkcsItemCpuMs: first?.pkcsItemCpuMs,
    pkcsItemsPerCoreSecond: first?.pkcsItemsPerCoreSecond,
    pkcsKeyGenerationMs: first?.pkcsKeyGenerationMs,
    pkcsKeysPerSecond: first?.pkcsKeysPerSecond,
    failures: summaries.reduce((total, { failures }) => total + failures, 0),
    missed: summaries.flatMap((summary) =>
      checkTargets(summary).map((name) => `${summary.variant} ${name}`),
    ),
    variants: summaries,
  })
}
