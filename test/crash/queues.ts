import { parseQueueOptions, type QueueOptions, queueUsage } from './queue-options.ts'
import { runQueues } from './run-queues.ts'

/**
 * `node test/crash/queues.ts`: two connectors share one queue, are killed with SIGKILL at random moments, and every item
 * must end once. Ends with a summary and one line of JSON; exit code 1 on a violation.
 */
function readOptions(): QueueOptions | undefined {
  try {
    return parseQueueOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${queueUsage}`)
    return undefined
  }
}

const options = readOptions()
if (options === undefined) process.exit(2)

// Ends by itself, so that the connectors are ended with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

console.error(`seed ${options.seed}`)
const report = await runQueues(options, (line) => console.error(line))
for (const violation of report.violations) console.log(`VIOLATION ${violation}`)
console.log(
  `${report.violations.length === 0 ? 'ok' : 'FAILED'}: ${report.items} items, ${report.kills} kills, seed ${report.seed}, ` +
    `${report.changedHands} items changed hands, ${report.violations.length} violations, ${report.seconds} s`,
)
console.log(JSON.stringify(report))
process.exitCode = report.violations.length === 0 ? 0 : 1
