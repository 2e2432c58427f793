import { randomUUID } from 'node:crypto'
import { type EventFields, events, type Journal } from '../../events/index.ts'
import { ConnectorError, describeError, pauseAfterAttempt } from '../../kernel/index.ts'
import type { UploadOutcome, WorkKind } from '../../management/index.ts'
import type { WorkRecord } from '../../store/index.ts'
import { takeBack } from './take-back.ts'
import {
  encodeSummary,
  type KeptItem,
  type KeptResult,
  logOf,
  openItem,
  openResult,
  parseSummary,
  type WorkSummary,
} from './work-payload.ts'
import { count, type WorkLoopOptions, type WorkPorts, type WorkTally } from './work-ports.ts'

const HOUR_MS = 3_600_000

/** How long an item that is to come again may take to do so; then it is closed with the failure it had. */
const RETURN_MS = 24 * HOUR_MS

/** From this code on Intune offers a request again (intune-api 4.5); the open service does the same. */
const OFFERED_AGAIN: ReadonlySet<string> = new Set([
  'RetryableServiceException',
  'ServiceUnavailableException',
  'ServiceTooBusyException',
  'AuthenticationException',
])

/** A result that is ready to go. */
interface Owed<K extends WorkKind> {
  readonly record: WorkRecord
  readonly item: KeptItem<K>
  readonly kept: KeptResult<K>
}

/**
 * Uploads what is finished, many results at a time. One look makes at most one upload.
 *
 * @returns looks once; true when there may be more to upload
 */
export function createHandingIn<K extends WorkKind>(
  ports: WorkPorts<K>,
  options: WorkLoopOptions,
  tally: WorkTally,
): (drained: AbortSignal) => Promise<boolean> {
  const { queue, handler, items, clock, holder, journal } = ports
  /** Halved while the service refuses an upload as a whole: one bad result must not hold up the others. */
  let most = queue.limits.maxItems

  // 5. Upload: the service may be away for days; the results wait in the journal.
  async function look(drained: AbortSignal): Promise<boolean> {
    if ((await items.depth(queue.name)).finished === 0) return false
    const now = clock.now()
    const until = new Date(now.getTime() + options.leaseSeconds * 1000)
    const records = await items.claim(queue.name, 'finished', { holder, now, until }, most)
    if (records.length === 0) return false
    const owed = await open(records)
    if (owed.length === 0) return true
    const activityId = randomUUID()
    let outcomes: readonly UploadOutcome[]
    try {
      outcomes = await queue.upload(
        owed.map(({ item: { requestContext, lease }, kept }) => ({
          requestContext,
          lease,
          ...kept,
        })),
        { activityId, signal: AbortSignal.any([drained, AbortSignal.timeout(options.callMs)]) },
      )
    } catch (error) {
      await keepOwing(owed, error, activityId)
      return false
    }
    most = queue.limits.maxItems
    const { uploaded } = handler.events
    const durationMs = clock.now().getTime() - now.getTime()
    const [first] = owed
    journal.record(uploaded, {
      // Of an upload of one, so that the story of that item has it.
      transactionId: owed.length === 1 ? first?.record.id : undefined,
      activityId,
      count: owed.length,
      durationMs,
    })
    await settle(owed, outcomes, activityId)
    return records.length === most
  }

  /** What does not open was sealed with another data key: the service offers it again. */
  async function open(records: readonly WorkRecord[]): Promise<readonly Owed<K>[]> {
    const owed: Owed<K>[] = []
    for (const record of records) {
      try {
        const item = openItem(record, ports)
        owed.push({ record, item, kept: openResult(record, ports) })
      } catch (error) {
        logOf(record, ports).record(events.UnhandledError, { errorMessage: describeError(error) })
        const dueAt = new Date(clock.now().getTime() + RETURN_MS)
        await items.settle([record.id], holder, { state: 'returned', dueAt })
      }
    }
    return owed
  }

  // 6. Settle: what the service has is closed; what it wants to offer again waits for that.
  async function settle(
    owed: readonly Owed<K>[],
    outcomes: readonly UploadOutcome[],
    activityId: string,
  ): Promise<void> {
    const at = clock.now()
    const dueAt = new Date(at.getTime() + RETURN_MS)
    const returned: string[] = []
    const closed: string[] = []
    for (const [index, one] of owed.entries()) {
      const { outcome = 'recorded', detail } = outcomes[index] ?? {}
      const { record, kept } = one
      count(tally, outcome)
      const log = logOf(record, ports, { activityId, ...describe(one) })
      if (outcome === 'recorded' || outcome === 'duplicate') {
        log.record(handler.events.uploadedEach, fieldsOf(kept))
        if (kept.end.succeeded) closed.push(record.id)
        else if (OFFERED_AGAIN.has(kept.end.errorCode)) returned.push(record.id)
        else if (await isUndone(one, 'the item failed', log)) closed.push(record.id)
        continue
      }
      log.record(events.WorkResultRefused, { disposition: outcome, detail })
      if (!(await isUndone(one, 'the service did not want it any more', log))) continue
      if (outcome === 'rejected') await closeAsFailed(record, detail)
      else {
        const summary = summarise(record, 'elsewhere', detail)
        // With a stale lease it may come again, to us or to another connector, which then has its Admin event.
        const end =
          outcome === 'staleLease'
            ? ({ state: 'returned', dueAt, summary, attempt: record.attempt } as const)
            : ({ state: 'closed', at, summary } as const)
        await items.settle([record.id], holder, end)
      }
    }
    await items.settle(returned, holder, { state: 'returned', dueAt })
    await items.settle(closed, holder, { state: 'closed', at })
  }

  async function closeAsFailed(record: WorkRecord, problem: string | undefined): Promise<void> {
    const summary = summarise(record, 'failed', problem)
    await items.settle([record.id], holder, { state: 'closed', at: clock.now(), summary })
  }

  /** Otherwise the item stays as it is, and is asked about again when its lease in the journal ends. */
  async function isUndone({ record, item }: Owed<K>, reason: string, log: Journal) {
    try {
      await takeBack(item, record.progress, reason, ports, log)
      return true
    } catch (error) {
      log.debug('operational', `it could not be taken back yet: ${describeError(error)}`)
      return false
    }
  }

  async function keepOwing(
    owed: readonly Owed<K>[],
    error: unknown,
    activityId: string,
  ): Promise<void> {
    const failure = error instanceof ConnectorError ? error : undefined
    const isRefusedWhole = isNo(failure)
    if (isRefusedWhole) most = Math.max(1, Math.floor(owed.length / 2))
    const now = clock.now().getTime()
    const tries = isRefusedWhole && owed.length > 1 ? 0 : Math.max(...owed.map(triesOf))
    const pauseMs = pauseAfterAttempt(options.uploadPausesSeconds, tries + 1, ports.random())
    const dueAt = new Date(now + Math.max(failure?.retryAfterMs ?? 0, pauseMs))
    const errorMessage = describeError(error)
    journal.record(handler.events.uploadFailed, {
      activityId: failure?.activityId ?? activityId,
      count: owed.length,
      errorCode: failure?.code ?? 'internal/bug',
      errorMessage,
      httpStatus: failure?.httpStatus,
      nextAttemptAt: dueAt,
    })
    count(tally, 'uploadFailed', owed.length)
    const overdue = owed.filter(
      ({ record }) => now - record.openedAt.getTime() >= options.giveUpHours * HOUR_MS,
    )
    const gaveUp = `the result could not be uploaded in ${options.giveUpHours} hours: ${errorMessage}`
    for (const one of overdue)
      if (await isUndone(one, gaveUp, logOf(one.record, ports, describe(one))))
        await closeAsFailed(one.record, gaveUp)
    const others = owed.filter((one) => !overdue.includes(one)).map(({ record }) => record.id)
    await items.postpone(others, holder, { dueAt, error: errorMessage })
  }

  function describe({ item }: Owed<K>): EventFields {
    return item.kind === 'readable' ? handler.describe(item.request) : {}
  }

  return look
}

/** What was known of the result, with another outcome. */
function summarise(
  record: WorkRecord,
  outcome: WorkSummary['outcome'],
  errorMessage: string | undefined,
): string {
  return encodeSummary({ outcome, fields: { ...parseSummary(record)?.fields, errorMessage } })
}

/** The service has read the upload and does not take it; which of the results is to blame it does not say. */
function isNo(failure: ConnectorError | undefined): boolean {
  if (failure?.code === 'management/bad-response' && failure.httpStatus === 200) return true
  return failure?.httpStatus === 400 || failure?.httpStatus === 422
}

function triesOf({ record }: { readonly record: WorkRecord }): number {
  return record.tries
}

function fieldsOf<K extends WorkKind>({ end, durationMs }: KeptResult<K>): EventFields {
  return end.succeeded
    ? { succeeded: true, durationMs }
    : { succeeded: false, errorCode: end.errorCode, durationMs }
}
