import assert from 'node:assert/strict'
import { type EventRecord, readEvents } from '../../src/events/index.ts'

/**
 * The Admin log holds one event for each request: for each item of a queue, and for each request of a device, which may
 * come again under the same transactionID after it was refused.
 *
 * @throws AssertionError naming the requests that have more
 */
export async function assertAdminOnce(logsDir: string): Promise<void> {
  const found = await readEvents(logsDir, { channel: 'admin', limit: 100_000 })
  const published = found.filter(({ eventId }) => eventId >= 1000 && eventId < 5000)
  const repeated = [...Map.groupBy(published, keyOf)].filter(([, records]) => records.length > 1)
  assert.deepEqual(
    repeated.map(([key, records]) => `${key}: ${records.map(({ eventId }) => eventId).join(', ')}`),
    [],
  )
}

function keyOf({ eventId, transactionId, requestId, serialNumber }: EventRecord): string {
  return eventId < 4000
    ? `item ${transactionId}`
    : `request ${transactionId}, ${serialNumber ?? requestId}`
}
