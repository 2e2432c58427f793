import { events, type RootJournal } from '../events/index.ts'
import { describeError } from '../kernel/index.ts'
import { EXIT } from './failure.ts'

/** How long the last lines may take to reach the disk, in milliseconds. */
const FLUSH_MS = 2000

/**
 * Ends the process after an error that nobody caught: its state is unknown, and what is owed is on record. The reason
 * goes to the operational log before, and to standard error without a stack.
 */
export function endOnFatalErrors(journal: RootJournal): void {
  let isEnding = false
  const end = (error: unknown): void => {
    if (isEnding) return
    isEnding = true
    const reason = describeError(error)
    process.stderr.write(`certconnector: unexpected, the connector ends: ${reason}\n`)
    journal.record(events.UnhandledError, { errorMessage: reason, detail: 'the connector ends' })
    const timer = setTimeout(() => process.exit(EXIT.failed), FLUSH_MS)
    void journal.flush().finally(() => {
      clearTimeout(timer)
      process.exit(EXIT.failed)
    })
  }
  process.on('uncaughtException', end)
  process.on('unhandledRejection', end)
}
