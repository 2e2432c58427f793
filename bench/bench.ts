import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDeviceKeys } from './device-keys.ts'
import { fillStore } from './filled-store.ts'
import { type BenchOptions, parseOptions, usage } from './options.ts'
import { formatJson, formatTable } from './report.ts'
import { revokeAll } from './revoked-store.ts'
import { summarise } from './summary.ts'
import { measureVariant } from './variant.ts'

/**
 * `npm run bench`: what an enrolment costs, against the bare cryptography of it, in one run on one machine. How to read
 * the figures stands in docs/bench.md. The last line is JSON; a failed enrolment makes the exit code 1.
 */
async function run(options: BenchOptions): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'connector-bench-'))
  const say = (text: string) =>
    process.stderr.write(`${(performance.now() / 1_000).toFixed(0).padStart(4)} s  ${text}\n`)
  // Ctrl-C: the servers end with this process (see server.ts), and nothing stays behind.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  try {
    say(`Node ${process.version}, ${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown'}`)
    const filledStore = join(directory, 'filled.db')
    say(`a register with ${options.filledWith} certificates`)
    await fillStore(filledStore, options.filledWith)
    const revokedStore = join(directory, 'revoked.db')
    await revokeAll(filledStore, revokedStore)
    const devices = createDeviceKeys().map(
      ({ privateKey }) => new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' })),
    )
    const summaries = []
    for (const variant of options.variants) {
      say(`issuing key ${variant}`)
      summaries.push(
        summarise(
          await measureVariant(
            variant,
            options,
            devices,
            directory,
            filledStore,
            revokedStore,
            say,
          ),
        ),
      )
    }
    process.stdout.write(`${formatTable(summaries)}\n${formatJson(summaries)}\n`)
    if (summaries.some(({ failures }) => failures > 0)) process.exitCode = 1
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

let options: BenchOptions | undefined
try {
  options = parseOptions(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`)
  process.exitCode = 2
}
if (options !== undefined) await run(options)
