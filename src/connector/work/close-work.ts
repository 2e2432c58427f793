import { events } from '../../events/index.ts'
import { ConnectorError, describeError } from '../../kernel/index.ts'
import type { WorkKind } from '../../management/index.ts'
import type { WorkRecord } from '../../store/index.ts'
import { takeBack } from './take-back.ts'
import { encodeSummary, logOf, openItem, parseSummary } from './work-payload.ts'
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
  const { queue, handler, items, clock, holder } = ports
  let mayBeInLog = true

  /** What the service was to offer again and did not. */
  async function closeOverdue(): Promise<void> {
    if ((await items.depth(queue.name)).returned === 0) return
    const now = clock.now()
    const until = new Date(now.getTime() + options.leaseSeconds * 1000)
    const overdue = await items.claim(queue.name, 'returned', { holder, now, until }, BATCH)
    for (const record of overdue) {
      if (!(await isUndone(record))) continue
      // Without a result of ours it was lost to another connector, which has its Admin event.
      const summary = parseSummary(record) ?? { outcome: 'elsewhere' as const, fields: {} }
      const end = { state: 'closed', at: now, summary: encodeSummary(summary) } as const
      await items.settle([record.id], holder, end)
    }
  }

  /** What was begun and never ended. */
  async function isUndone(record: WorkRecord): Promise<boolean> {
    if (record.progress === undefined) return true
    const log = logOf(record, ports)
    try {
      await takeBack(
        openItem(record, ports),
        record.progress,
        'the item did not come again',
        ports,
        log,
      )
      return true
    } catch (error) {
      if (error instanceof ConnectorError && error.isTransient) return false
      log.record(events.UnhandledError, { errorMessage: describeError(error) })
      return true
    }
  }

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
