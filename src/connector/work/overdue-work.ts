import { randomUUID } from 'node:crypto'
import { events } from '../../events/index.ts'
import { describeError } from '../../kernel/index.ts'
import type { UploadOutcome, WorkEnd, WorkKind } from '../../management/index.ts'
import type { WorkRecord } from '../../store/index.ts'
import { takeBack } from './take-back.ts'
import {
  encodeSummary,
  type KeptItem,
  logOf,
  openItem,
  parseSummary,
  type WorkSummary,
} from './work-payload.ts'
import type { WorkLoopOptions, WorkPorts } from './work-ports.ts'

const BATCH = 500

/** An item that the service still has open is asked about again after this. */
const ASK_AGAIN_MS = 86_400_000

/** What is known of the end of an item that did not come again. */
type Ending = WorkSummary | 'open'

/**
 * Closes what the service was to offer again and did not. A service that lends items is asked how they ended, by uploading
 * the failure that ours had: another connector may have carried them out, and has the Admin event then.
 *
 * @returns looks once
 */
export function createOverdue<K extends WorkKind>(
  ports: WorkPorts<K>,
  options: WorkLoopOptions,
): () => Promise<void> {
  const { queue, items, clock, holder } = ports

  /** An upload that changes nothing: the leases of all of them have ended. */
  async function ask(overdue: readonly WorkRecord[]): Promise<readonly UploadOutcome[]> {
    const results = overdue.flatMap((record) => {
      const item = openKept(record)
      if (item?.lease === undefined) return []
      const { requestContext, lease } = item
      return [{ requestContext, lease, end: failureOf(record), durationMs: 0 }]
    })
    if (queue.renewLeases === undefined || results.length === 0) return []
    const signal = AbortSignal.timeout(options.callMs)
    return await queue.upload(results, { activityId: randomUUID(), signal })
  }

  function openKept(record: WorkRecord) {
    try {
      return openItem(record, ports)
    } catch (error) {
      logOf(record, ports).record(events.UnhandledError, { errorMessage: describeError(error) })
      return undefined
    }
  }

  /** With the very words that the service has: so it knows a result again. */
  function failureOf(record: WorkRecord): WorkEnd<K> {
    const { errorCode, errorMessage } = parseSummary(record)?.fields ?? {}
    return {
      succeeded: false,
      errorCode: (errorCode ?? 'RetryableServiceException') as Failure<K>['errorCode'],
      errorMessage: String(errorMessage ?? 'its lease was lost before it was carried out'),
    }
  }

  async function close(record: WorkRecord, ending: Ending): Promise<void> {
    const now = clock.now()
    if (ending === 'open') {
      const dueAt = new Date(now.getTime() + ASK_AGAIN_MS)
      const { attempt } = record
      await items.settle([record.id], holder, { state: 'returned', dueAt, attempt })
      return
    }
    const item = openKept(record)
    const log = logOf(record, ports)
    if (item !== undefined)
      await takeBack(item, record.progress, 'the item did not come again', ports, log)
    const summary = encodeSummary(ending)
    await items.settle([record.id], holder, { state: 'closed', at: now, summary })
  }

  return async () => {
    if ((await items.depth(queue.name)).returned === 0) return
    const now = clock.now()
    const lease = { holder, now, until: new Date(now.getTime() + options.leaseSeconds * 1000) }
    const most = Math.min(BATCH, queue.limits.maxItems)
    const overdue = await items.claim(queue.name, 'returned', lease, most)
    if (overdue.length === 0) return
    let told: readonly UploadOutcome[]
    try {
      told = await ask(overdue)
    } catch (error) {
      const { journal } = ports
      journal.debug('operational', `${queue.name}: ends are unknown yet: ${describeError(error)}`)
      return
    }
    const outcomes = new Map(told.map((one) => [one.requestContext, one]))
    for (const record of overdue) {
      const item = openKept(record)
      const outcome = outcomes.get(item?.requestContext ?? '')
      try {
        await close(record, endingOf(parseSummary(record), outcome, isOver(item, now)))
      } catch (error) {
        // The store is away: the item stays as it is, and the others have their turn.
        const { journal } = ports
        journal.debug('operational', `an item could not be closed yet: ${describeError(error)}`)
      }
    }
  }
}

type Failure<K extends WorkKind> = Extract<WorkEnd<K>, { readonly succeeded: false }>

function isOver(item: KeptItem<WorkKind> | undefined, now: Date): boolean {
  return item?.kind !== 'readable' || item.expires === undefined || item.expires <= now
}

/** Without a service that says more, what had no result of ours was lost to another connector. */
function endingOf(
  known: WorkSummary | undefined,
  told: UploadOutcome | undefined,
  isTimeOver: boolean,
): Ending {
  const unknown: WorkSummary = { outcome: 'elsewhere', fields: known?.fields ?? {} }
  switch (told?.outcome) {
    case undefined:
      return known ?? unknown
    case 'superseded':
      return unknown
    // The answer of the first upload once more: it says nothing of what came after.
    case 'recorded':
      return isTimeOver ? (known ?? unknown) : 'open'
    case 'staleLease':
      return 'open'
    case 'duplicate':
    case 'rejected': {
      const errorMessage = known?.fields['errorMessage'] ?? told?.detail ?? 'it was not carried out'
      return { outcome: 'failed', fields: { ...known?.fields, errorMessage } }
    }
  }
}
