import type { WorkKind } from '../../management/index.ts'
import type { WorkRecord } from '../../store/index.ts'
import { createOverdue } from './overdue-work.ts'
import { logOf, parseSummary } from './work-payload.ts'
import type { WorkLoopOptions, WorkPorts } from './work-ports.ts'

const BATCH = 500

/**
 * Gives each closed item its one Admin event. The item is closed first, the event written and flushed, then marked: what
 * a crash leaves between the last two is found in the log at the next start.
 *
 * @returns looks once
 */
export function createClosing<K extends WorkKind>(
  ports: WorkPorts<K>,
  options: WorkLoopOptions,
): () => Promise<void> {
  const { queue, handler, items, holder } = ports
  const closeOverdue = createOverdue(ports, options)
  let mayBeInLog = true

  // 7. Record: one Admin event, once the item is closed.
  async function record(closed: WorkRecord, isInDoubt: boolean): Promise<void> {
    const summary = parseSummary(closed)
    if (summary === undefined || summary.outcome === 'elsewhere') return
    if (isInDoubt && (await ports.isRecorded(closed.id, closed.receivedAt))) return
    const hasSucceeded = summary.outcome === 'succeeded'
    logOf(closed, ports).record(hasSucceeded ? handler.events.succeeded : handler.events.failed, {
      ...summary.fields,
      succeeded: hasSucceeded,
    })
  }

  return async () => {
    await closeOverdue()
    for (;;) {
      const closed = await items.listUnrecorded(queue.name, holder, BATCH)
      if (closed.length === 0) {
        mayBeInLog = false
        break
      }
      const isInDoubt = mayBeInLog
      // Until they are marked: the store may go away between the two.
      mayBeInLog = true
      for (const one of closed) await record(one, isInDoubt)
      await ports.flush()
      await items.markRecorded(closed.map(({ id }) => id))
      mayBeInLog = isInDoubt
    }
  }
}
