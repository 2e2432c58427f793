import { randomUUID } from 'node:crypto'
import { ConnectorError, describeError, pauseAfterAttempt } from '../../kernel/index.ts'
import type { LeaseRef, WorkBatch, WorkKind } from '../../management/index.ts'
import type { ReceivedWork } from '../../store/index.ts'
import { hashContext, type KeptItem, logOf, sealKept } from './work-payload.ts'
import {
  count,
  type StopSignals,
  type WorkLoopOptions,
  type WorkPorts,
  type WorkTally,
} from './work-ports.ts'

/** How soon an instance that may not poll asks again whether it may. */
const SECOND_PLACE_MS = 30_000

/** How soon a handler that may not fetch is asked again. */
const UNFIT_MS = 30_000

/** How soon a journal that has no room is looked at again. */
const FULL_JOURNAL_MS = 5000

/** A batch that was downloaded and is not in the journal yet. */
interface Fetched<K extends WorkKind> {
  readonly batch: WorkBatch<K>
  readonly batchId: string
  readonly activityId: string
  readonly durationMs: number
}

/**
 * Downloads what is queued and writes it down before anybody acts on it. One look does nothing, or makes one download.
 *
 * Where the service has no leases one instance polls: it holds a lease of ours, which passes to another one when it dies.
 * A batch that the store does not take stays in memory and is written down before the next download.
 *
 * @returns looks once; true when there is something to carry out
 */
export function createFetching<K extends WorkKind>(
  ports: WorkPorts<K>,
  options: WorkLoopOptions,
  tally: WorkTally,
): (signals: StopSignals) => Promise<boolean> {
  const { queue, handler, items, leases, clock, journal } = ports
  const { pollSeconds, downloadPausesSeconds } = options
  const hasLeases = queue.renewLeases !== undefined
  let nextAt = 0
  let failures = 0
  let unkept: Fetched<K> | undefined

  const afterPause = (table: readonly number[], attempt: number): number =>
    clock.now().getTime() + pauseAfterAttempt(table, attempt, ports.random())

  async function mayPoll(): Promise<boolean> {
    if (handler.mayFetch !== undefined && !(await handler.mayFetch())) {
      nextAt = clock.now().getTime() + UNFIT_MS
      return false
    }
    if (hasLeases) return true
    const now = clock.now()
    const until = new Date(now.getTime() + options.leaseSeconds * 1000)
    const isOurs = await leases.acquire(`work/${queue.name}`, ports.holder, now, until)
    if (!isOurs) nextAt = now.getTime() + SECOND_PLACE_MS
    return isOurs
  }

  // 1. Download: as much as the journal has room for; where the service can wait, it does.
  async function download({ stopping, drained }: StopSignals): Promise<Fetched<K> | undefined> {
    const { received } = await items.depth(queue.name)
    const maxItems = Math.min(queue.limits.maxItems, options.maxReceived - received)
    if (maxItems < 1) {
      nextAt = clock.now().getTime() + FULL_JOURNAL_MS
      return undefined
    }
    const waitSeconds = Math.min(queue.limits.maxWaitSeconds, pollSeconds)
    const activityId = randomUUID()
    const startedAt = clock.now()
    try {
      const limit = AbortSignal.timeout(options.callMs + waitSeconds * 1000)
      const batch = await queue.download({
        maxItems,
        waitSeconds,
        leaseSeconds: options.leaseSeconds,
        activityId,
        // A download that is cut off hides its items for as long as the service keeps them away from others.
        signal: AbortSignal.any([waitSeconds > 0 ? stopping : drained, limit]),
      })
      failures = 0
      tally.lastDownload = { at: clock.now(), problem: undefined }
      const durationMs = clock.now().getTime() - startedAt.getTime()
      return { batch, batchId: randomUUID(), activityId, durationMs }
    } catch (error) {
      if (!stopping.aborted) recordFailure(error, activityId)
      return undefined
    }
  }

  function recordFailure(error: unknown, activityId: string): void {
    failures += 1
    const failure = error instanceof ConnectorError ? error : undefined
    const askedAt = clock.now().getTime() + (failure?.retryAfterMs ?? 0)
    nextAt = Math.max(askedAt, afterPause(downloadPausesSeconds, failures))
    const errorMessage = describeError(error)
    tally.lastDownload = { at: clock.now(), problem: errorMessage }
    journal.record(handler.events.downloadFailed, {
      activityId: failure?.activityId ?? activityId,
      attempt: failures,
      errorCode: failure?.code ?? 'internal/bug',
      errorMessage,
      httpStatus: failure?.httpStatus,
      nextAttemptAt: new Date(nextAt),
    })
  }

  // 2. Journal: what is ours is written down, all of it at once, before anything is done; the rest is left alone.
  async function keep({ batch, ...call }: Fetched<K>): Promise<boolean> {
    const { kept, foreign } = await sort(batch)
    const now = clock.now()
    const receipts = await items.receive(
      kept.map(
        (item): ReceivedWork => ({
          id: randomUUID(),
          queue: queue.name,
          contextHash: hashContext(item.requestContext),
          attempt: item.lease?.attempt ?? 1,
          payload: sealKept(item, ports.cipher),
          receivedAt: now,
        }),
      ),
    )
    await giveBack(foreign)
    const total = batch.items.length + batch.unreadable.length + batch.passedOver
    const leftAlone = total - kept.length
    count(tally, 'leftAlone', leftAlone)
    const { batchId, activityId, durationMs } = call
    const [first] = receipts
    if (total > 0)
      journal.record(handler.events.downloaded, {
        // Of a download of one, so that the story of that item has it.
        transactionId: total === 1 ? first?.id : undefined,
        batchId,
        activityId,
        durationMs,
        serverRequestId: batch.serverRequestId,
        count: total,
        detail: leftAlone === 0 ? undefined : `${leftAlone} of others, left alone`,
      })
    const byHash = new Map(kept.map((item) => [hashContext(item.requestContext), item]))
    for (const receipt of receipts) {
      if (receipt.kind === 'known') continue
      const item = byHash.get(receipt.contextHash)
      logOf(receipt, ports).record(handler.events.received, {
        batchId,
        leaseId: item?.lease?.id,
        attempt: item?.lease?.attempt,
        redelivered: receipt.kind === 'again' ? true : undefined,
        ...(item?.kind === 'readable' ? handler.describe(item.request) : {}),
      })
    }
    return receipts.some(({ kind }) => kind !== 'known')
  }

  async function sort(batch: WorkBatch<K>): Promise<{
    readonly kept: readonly KeptItem<K>[]
    readonly foreign: readonly LeaseRef[]
  }> {
    const kept: KeptItem<K>[] = []
    const foreign: LeaseRef[] = []
    for (const item of batch.items) {
      const { lease, requestContext } = item
      if (await handler.isOurs(item.request)) kept.push({ kind: 'readable', ...item })
      else if (lease !== undefined) foreign.push({ requestContext, leaseId: lease.id })
    }
    // Without a lease it may be somebody else's, who can read it.
    for (const item of batch.unreadable)
      if (item.lease !== undefined) kept.push({ kind: 'unreadable', ...item })
    return { kept, foreign }
  }

  /** What is not given back returns to the queue when its lease ends. */
  async function giveBack(foreign: readonly LeaseRef[]): Promise<void> {
    if (foreign.length === 0) return
    const signal = AbortSignal.timeout(options.callMs)
    try {
      await queue.releaseLeases?.(foreign, handler.notOurs, { activityId: randomUUID(), signal })
    } catch (error) {
      journal.debug('operational', `leases could not be given back: ${describeError(error)}`)
    }
  }

  return async (signals) => {
    const now = clock.now().getTime()
    if (unkept === undefined && now < nextAt) return false
    if (unkept === undefined && !(await mayPoll())) return false
    unkept ??= await download(signals)
    if (unkept === undefined) return false
    const { batch } = unkept
    const isMore = await keep(unkept)
    unkept = undefined
    nextAt = batch.moreAvailable
      ? clock.now().getTime()
      : afterPause([(batch.pollAfterMs ?? pollSeconds * 1000) / 1000], 1)
    return isMore
  }
}
