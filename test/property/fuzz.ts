import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { runFuzz } from './scep/fuzz-run.ts'

/**
 * `node test/property/fuzz.ts [count=200000] [seed]`: mutated messages against the codec. Each is parsed or refused
 * with a ConnectorError within 50 ms, and memory stays flat. The exit code says whether; the seed repeats a run.
 */
const count = Number(process.argv[2] ?? 200_000)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(seed)) {
  console.error('usage: node test/property/fuzz.ts [count=200000] [seed]')
  process.exit(2)
}

setFlagsFromString('--expose-gc')
const collectGarbage: unknown = runInNewContext('gc')
const heapMegabytes: number[] = []

function recordHeap(): void {
  if (typeof collectGarbage === 'function') collectGarbage()
  heapMegabytes.push(process.memoryUsage().heapUsed / 2 ** 20)
}

const start = performance.now()
const report = runFuzz({
  count,
  seed,
  limitMs: 50,
  onProgress: (done) => {
    if (done > 0 && done % Math.ceil(count / 4) === 0) recordHeap()
  },
})
recordHeap()

const [first = 0] = heapMegabytes
const last = heapMegabytes.at(-1) ?? 0
// A leak of 100 octets a message would be 15 MB over the default run.
const isHeapFlat = last - first < 4
for (const finding of report.findings) console.error(finding)
console.log('target             tried  accepted')
for (const [name, { tried, accepted }] of Object.entries(report.targets)) {
  console.log(`${name.padEnd(15)} ${String(tried).padStart(8)} ${String(accepted).padStart(9)}`)
}
console.log(
  `heap at quarters: ${heapMegabytes.map((used) => used.toFixed(1)).join(', ')} MB (${isHeapFlat ? 'flat' : 'growing'})`,
)
const isGood = report.findings.length === 0 && isHeapFlat
console.log(
  `${isGood ? 'ok' : 'FAILED'}: ${report.count} inputs, seed ${seed}, ${report.findings.length} findings, ` +
    `worst ${report.worst.milliseconds.toFixed(1)} ms (${report.worst.target}), ${((performance.now() - start) / 1000).toFixed(0)} s`,
)
process.exitCode = isGood ? 0 : 1
