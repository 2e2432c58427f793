import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatRecord, readEvents } from '../events/index.ts'

const LOOKS = 30
const LOOK_MS = 100

/** One step of a demonstration, for people. */
export interface ShownStep {
  readonly title: string
  readonly facts: readonly (readonly [label: string, value: string])[]
}

/** Prints one as it happens. */
export function printStep(step: ShownStep): void {
  process.stdout.write(`\n${step.title}\n`)
  const width = Math.max(0, ...step.facts.map(([label]) => label.length))
  for (const [label, value] of step.facts)
    process.stdout.write(`  ${label.padEnd(width)}  ${value}\n`)
}

/**
 * Shows what the connector recorded of a transaction, where it runs on this machine; waits a little for its Admin event.
 *
 * @param directory of its logs
 */
export async function printEvents(directory: string, transactionId: string): Promise<void> {
  if (!existsSync(directory)) return
  const closed = await waitForAdminEvent(directory, transactionId)
  const found = await readEvents(directory, { transactionId })
  if (found.length === 0) return
  process.stdout.write('\nWhat the connector recorded\n')
  for (const record of found) process.stdout.write(`  ${formatRecord(record)}\n`)
  if (!closed)
    process.stdout.write('  (its Admin event is still to come: the service is not told yet)\n')
  process.stdout.write(`\nAgain: npm run certconnector -- events --transaction ${transactionId}\n`)
}

async function waitForAdminEvent(directory: string, transactionId: string): Promise<boolean> {
  for (let look = 0; look < LOOKS; look += 1) {
    const admin = await readEvents(directory, { channel: 'admin', transactionId, limit: 1 })
    if (admin.length > 0) return true
    await sleep(LOOK_MS)
  }
  return false
}
