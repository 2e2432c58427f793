import { enrolDevice } from '../../src/cli/enrolment-client/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { startFuzzSite } from './http/fuzz-site.ts'
import { runHttpFuzz } from './http/http-fuzz-run.ts'

/**
 * `node test/property/fuzz-http.ts [count=50000] [seed] [first=0]`: mutated requests, by POST and GET and with mutated
 * addresses, to a connector in a process of its own. Each has an answer of the table within ten seconds, without a stack;
 * failures to decrypt are answered alike; the process lives, its memory stays flat, and at the end a device enrols. The exit
 * code says whether. A finding is repeated with its seed, its number as `first`, and a count of 1.
 */
const count = Number(process.argv[2] ?? 50_000)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
const first = Number(process.argv[4] ?? 0)
if (![count, seed, first].every(Number.isSafeInteger) || count < 1) {
  console.error('usage: node test/property/fuzz-http.ts [count=50000] [seed] [first=0]')
  process.exit(2)
}

const SAMPLES = 40
/** What the process may grow by between its second and its last quarter, in megabytes. */
const HEAP_SLACK = 16
const samples: { readonly heap: number; readonly resident: number }[] = []

const start = performance.now()
// The connector that is started gets it: with a small young generation garbage goes soon, and what is held shows.
process.env['NODE_OPTIONS'] = '--max-semi-space-size=1 --max-old-space-size=70'
const site = await startFuzzSite()
let sampling: Promise<unknown> = Promise.resolve()
const report = await runHttpFuzz({
  count,
  seed,
  first,
  deviceUrl: site.deviceUrl,
  profile: site.profile,
  challenge: site.challenge,
  lanes: 16,
  deadlineMs: 10_000,
  onProgress(done) {
    if (done % Math.ceil(count / SAMPLES) !== 0) return
    sampling = sampling.then(async () => samples.push(await site.loadMemory()))
  },
})
const problems = [...report.findings]
await sampling.catch((error: unknown) => problems.push(`no metrics: ${String(error)}`))
if (!(await site.isReady())) problems.push('the connector is not ready any more')
const { deviceUrl: url, profile, challenge } = site
await enrolDevice({
  url: `${url}/scep/${profile}`,
  subject: 'CN=after the storm',
  challenge: new Secret(challenge),
}).catch((error: unknown) => problems.push(`nobody enrols afterwards: ${String(error)}`))
const code = await site.stop()
if (code !== 0) problems.push(`the connector ended with ${String(code)}`)

/** Between two collections the heap goes up; the least of several samples is what is held. */
const heldIn = (quarter: number): number => {
  const length = samples.length / 4
  return Math.min(
    ...samples.slice(quarter * length, (quarter + 1) * length).map(({ heap }) => heap),
  )
}
const [second, last] = [heldIn(1), heldIn(3)]
const isHeapFlat = samples.length < SAMPLES || last - second < HEAP_SLACK
if (!isHeapFlat) problems.push('the heap grows')

for (const problem of problems) console.error(problem)
for (const [outcome, times] of [...report.outcomes].toSorted(([a], [b]) => a.localeCompare(b)))
  console.log(`${outcome.padEnd(32)} ${String(times).padStart(8)}`)
console.log(
  `heap held in the second quarter ${second.toFixed(1)} MB, in the last ${last.toFixed(1)} MB (${isHeapFlat ? 'flat' : 'growing'}); ` +
    `resident ${samples.at(0)?.resident.toFixed(0) ?? '-'} MB at first, ${samples.at(-1)?.resident.toFixed(0) ?? '-'} MB at last`,
)
console.log(
  `${problems.length === 0 ? 'ok' : 'FAILED'}: ${report.count} requests, seed ${seed}, first ${first}, ` +
    `${report.decryptFailures} decryption failures answered alike, ${problems.length} findings, ` +
    `slowest answer ${report.worstMs.toFixed(0)} ms, ${((performance.now() - start) / 1000).toFixed(0)} s`,
)
process.exitCode = problems.length === 0 ? 0 : 1
