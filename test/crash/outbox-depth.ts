import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const LONGEST_WAIT_MS = 150_000
const POLL_MS = 100

/**
 * Waits until the connector, which runs beside, owes nothing any more, given-up notifications aside.
 *
 * @throws Error what is still owed when nothing moved for too long
 */
export async function waitUntilDelivered(dataDir: string): Promise<void> {
  const database = new DatabaseSync(join(dataDir, 'connector.db'), { readOnly: true })
  try {
    const owed = database.prepare(
      "SELECT id, state, attempts, last_error FROM notification WHERE state IN ('due', 'exhausted')",
    )
    for (const until = performance.now() + LONGEST_WAIT_MS; ; ) {
      const rows = owed.all()
      if (rows.length === 0) return
      if (performance.now() > until)
        throw new Error(
          `${rows.length} notifications are not delivered after ${LONGEST_WAIT_MS} ms, first ${JSON.stringify(rows[0])}`,
        )
      await new Promise((wake) => setTimeout(wake, POLL_MS))
    }
  } finally {
    database.close()
  }
}
