import { type CrashOptions, parseOptions, usage } from './options.ts'
import { runCrash } from './run-crash.ts'

/**
 * `node test/crash/kill.ts`: enrols under load, kills the connector with SIGKILL at random moments, and checks that
 * nothing which left the house is lost. Ends with a summary and one line of JSON; exit code 1 on a violation.
 */
function readOptions(): CrashOptions | undefined {
  try {
    return parseOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    return undefined
  }
}

const options = readOptions()
if (options === undefined) process.exit(2)

// Ends by itself, so that the connector is ended with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const report = await runCrash(options, (line) => console.error(line))
for (const violation of report.violations) console.log(`VIOLATION ${violation}`)
console.log(
  `${report.violations.length === 0 ? 'ok' : 'FAILED'}: ${report.kills} kills (${report.killsDuringStart} while starting), ` +
    `seed ${report.seed}, ${report.certificatesReceived} certificates received, ${report.violations.length} violations, ${report.seconds} s`,
)
console.log(JSON.stringify(report))
process.exitCode = report.violations.length === 0 ? 0 : 1
