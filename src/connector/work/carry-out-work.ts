import { randomUUID } from 'node:crypto'
import { type BulkheadPolicy, bulkhead } from 'cockatiel'
import { events, type Journal } from '../../events/index.ts'
import { ConnectorError, describeError, pauseAfterAttempt } from '../../kernel/index.ts'
import type { GivenBack, LeaseRef, WorkKind, WorkLease } from '../../management/index.ts'
import type { WorkRecord } from '../../store/index.ts'
import { takeBack } from './take-back.ts'
import type { WorkVerdict } from './work-handler.ts'
import {
  encodeSummary,
  type KeptItem,
  logOf,
  openItem,
  openProgress,
  sealKept,
  type WorkSummary,
} from './work-payload.ts'
import type { WorkLoopOptions, WorkPorts } from './work-ports.ts'

/** Why an attempt is ended. */
const LOST = 'lost'

/** How long an item that another connector has by now is kept, in case it comes back to us. */
const LOST_MS = 86_400_000

/** Leases are not prolonged more often, however short they are. */
const LEAST_PROLONG_MS = 1000

/** An item under work. */
interface Running {
  readonly record: WorkRecord
  readonly leaseRef: LeaseRef | undefined
  /** End of the service's lease, as it was told last, in milliseconds; undefined where it has none. */
  leaseEnd: number | undefined
  /** When the leases are to be prolonged, in milliseconds: half of what was left of them when they were given. */
  prolongAt: number
  /** Ends the attempt: the item is somebody else's, or the connector stops. */
  readonly abort: AbortController
  readonly done: Promise<void>
}

/** Carries out what is in the journal. */
export interface CarryingOut {
  /** Starts what is due and fits; prolongs the leases of what runs. */
  readonly look: () => Promise<void>
  /** Items that are carried out at this moment. */
  count(): number
  /** Waits for what runs, and ends it when the time is over. What was not finished is free for the next instance. */
  stop(drained: AbortSignal): Promise<void>
}

/**
 * @param onFinished called when there is a result to upload
 */
export function createCarryingOut<K extends WorkKind>(
  ports: WorkPorts<K>,
  options: WorkLoopOptions,
  onFinished: () => void,
): CarryingOut {
  const { queue, handler, items, clock, holder } = ports
  const { attemptPausesSeconds, leaseSeconds } = options
  const running = new Map<string, Running>()
  const lanes = new Map<string, BulkheadPolicy>()

  /** Of what is left of both leases, ours and the service's; one that ended already is asked for soon. */
  function halfOf(leaseEnd: number | undefined): number {
    const now = clock.now().getTime()
    const leftMs = Math.min(leaseSeconds * 1000, (leaseEnd ?? Number.POSITIVE_INFINITY) - now)
    return now + Math.max(leftMs / 2, LEAST_PROLONG_MS)
  }

  const leaseUntil = (): Date => new Date(clock.now().getTime() + leaseSeconds * 1000)

  async function look(): Promise<void> {
    await prolong()
    const free = options.parallel - running.size
    if (free < 1 || (await items.depth(queue.name)).received === 0) return
    const lease = { holder, now: clock.now(), until: leaseUntil() }
    for (const record of await items.claim(queue.name, 'received', lease, free)) start(record)
  }

  function start(record: WorkRecord): void {
    const abort = new AbortController()
    const { promise: done, resolve } = Promise.withResolvers<void>()
    const item = openKept(record)
    const lease = item?.lease
    const leaseRef =
      item === undefined || lease === undefined
        ? undefined
        : { requestContext: item.requestContext, leaseId: lease.id }
    const leaseEnd = lease?.expires.getTime()
    running.set(record.id, { record, leaseRef, leaseEnd, prolongAt: halfOf(leaseEnd), abort, done })
    void work(record, item, abort.signal).finally(() => {
      running.delete(record.id)
      resolve()
    })
  }

  function openKept(record: WorkRecord): KeptItem<K> | undefined {
    try {
      return openItem(record, ports)
    } catch (error) {
      logOf(record, ports).record(events.UnhandledError, {
        errorMessage: describeError(error),
        detail: `an item of ${queue.name} does not open; it is offered again by the service`,
      })
      return undefined
    }
  }

  /** Never throws: what store or service do not take is done again soon. */
  async function work(
    record: WorkRecord,
    item: KeptItem<K> | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const log = logOf(record, ports, { attempt: record.tries + 1 })
    let { progress } = record
    const advance = async (plain: Uint8Array): Promise<void> => {
      const sealed = ports.cipher.seal(plain)
      if (!(await items.advance(record.id, holder, sealed)))
        throw new ConnectorError('store/conflict', 'the item is no longer ours')
      progress = sealed
    }
    try {
      if (item === undefined) return await letGo(record)
      if (!(await stillOurs(item, record))) return await giveUp()
      const startedAt = clock.now().getTime()
      const isLast = isLastAttempt(record, item.lease)
      const verdict = await attempt(record, item, { isLast, log, signal, advance })
      // A success goes to the service all the same: it says whether it still wants it.
      if (signal.aborted && !verdict.end.succeeded)
        return signal.reason === LOST ? await giveUp() : await items.free([record.id], holder)
      if (await giveBackWaiting(record, item, verdict)) return
      if (!verdict.end.succeeded && verdict.isPassing && !isLast)
        return await postpone(record, verdict.end.errorMessage)
      await finish(record, verdict, clock.now().getTime() - startedAt)
    } catch (error) {
      const soon = new Date(clock.now().getTime() + (attemptPausesSeconds[0] ?? 0) * 1000)
      log.debug(
        'operational',
        `an item is looked at again at ${soon.toISOString()}: ${describeError(error)}`,
      )
      // A store that is away does not take this either: then the lease in the journal ends first.
      await items.prolong([record.id], holder, soon).catch(() => undefined)
    }

    async function giveUp(): Promise<void> {
      if (item !== undefined)
        await takeBack(item, progress, 'the item went to another connector', ports, log)
      await letGo(record)
    }
  }

  // 3. Carry out: one attempt, within its time, beside no more of the same CA than that bears.
  async function attempt(
    record: WorkRecord,
    item: KeptItem<K>,
    {
      isLast,
      log,
      signal,
      advance,
    }: {
      readonly isLast: boolean
      readonly log: Journal
      readonly signal: AbortSignal
      readonly advance: (progress: Uint8Array) => Promise<void>
    },
  ): Promise<WorkVerdict<K>> {
    if (item.kind === 'unreadable') return failed(item.errorCode, item.problem)
    if (item.expires !== undefined && item.expires <= clock.now())
      return failed('NonRetryableServiceException', 'its time was over before it was carried out')
    const { request } = item
    try {
      const { name, parallel } = await handler.laneOf(request)
      const lane = lanes.get(name) ?? bulkhead(parallel, options.parallel)
      lanes.set(name, lane)
      return await lane.execute(
        async () =>
          await handler.carryOut({
            request,
            requestContext: item.requestContext,
            isLastAttempt: isLast,
            progress: openProgress(record.progress, ports, log),
            keep: advance,
            log: log.child(handler.describe(request)),
            signal: AbortSignal.any([signal, AbortSignal.timeout(options.attemptMs)]),
          }),
      )
    } catch (error) {
      const isOutage = error instanceof ConnectorError && error.isTransient
      if (!isOutage)
        log.record(events.UnhandledError, {
          errorMessage: describeError(error),
          detail: `an item of ${queue.name}`,
        })
      return { ...failed('RetryableServiceException', describeError(error)), isPassing: true }
    }
  }

  /**
   * The CA takes its time: the item goes back with the name that it has there. What was begun of it stays here, and is gone
   * on with when the item comes again.
   *
   * @returns false where the service did not take it: then it is tried again from here
   */
  async function giveBackWaiting(
    record: WorkRecord,
    { requestContext, lease, expires }: KeptItem<K> & { readonly expires?: Date | undefined },
    { end, fields, waitsFor }: WorkVerdict<K>,
  ): Promise<boolean> {
    if (waitsFor === undefined || lease === undefined || queue.releaseLeases === undefined)
      return false
    const given: GivenBack = { requestContext, leaseId: lease.id, waitsFor }
    const signal = AbortSignal.timeout(options.callMs)
    try {
      await queue.releaseLeases([given], 'caPending', { activityId: randomUUID(), signal })
    } catch (error) {
      ports.journal.debug('operational', `a lease could not be given back: ${describeError(error)}`)
      return false
    }
    const over = Math.max(expires?.getTime() ?? 0, clock.now().getTime())
    await items.settle([record.id], holder, {
      state: 'returned',
      dueAt: new Date(over + LOST_MS),
      attempt: record.attempt,
      // In case it never comes again.
      summary: summarise(end, fields),
    })
    return true
  }

  function isLastAttempt({ tries }: WorkRecord, lease: WorkLease | undefined): boolean {
    if (tries >= attemptPausesSeconds.length) return true
    // A service with leases has pauses of its own: no item is kept waiting here for longer than its lease.
    const pauseMs = pauseAfterAttempt(attemptPausesSeconds, tries + 1, 1)
    return lease !== undefined && clock.now().getTime() + pauseMs >= lease.expires.getTime()
  }

  async function postpone({ id, tries }: WorkRecord, error: string): Promise<void> {
    const pauseMs = pauseAfterAttempt(attemptPausesSeconds, tries + 1, ports.random())
    await items.postpone([id], holder, { dueAt: new Date(clock.now().getTime() + pauseMs), error })
  }

  // 4. Keep: the result is written down before the service hears of it.
  async function finish(
    record: WorkRecord,
    { end, fields }: WorkVerdict<K>,
    durationMs: number,
  ): Promise<void> {
    const result = sealKept({ end, durationMs }, ports.cipher)
    const kept = { result, summary: summarise(end, fields), at: clock.now() }
    if (await items.finish(record.id, holder, kept)) onFinished()
  }

  /** Leases that ran out while the item waited here are asked for once more. */
  async function stillOurs(item: KeptItem<K>, record: WorkRecord): Promise<boolean> {
    const { lease, requestContext } = item
    if (lease === undefined || lease.expires > clock.now()) return true
    const [outcome] = (await renew([{ requestContext, leaseId: lease.id }])) ?? []
    if (outcome?.expires !== undefined) return true
    recordLost(record, lease.id)
    return false
  }

  /** Another connector has it, or will. */
  async function letGo({ id }: WorkRecord): Promise<void> {
    const dueAt = new Date(clock.now().getTime() + LOST_MS)
    await items.settle([id], holder, { state: 'returned', dueAt })
  }

  function recordLost(record: WorkRecord, leaseId: string | undefined): void {
    logOf(record, ports).record(events.WorkLeaseLost, { leaseId, attempt: record.attempt })
  }

  async function renew(leases: readonly LeaseRef[]) {
    const signal = AbortSignal.timeout(options.callMs)
    return await queue.renewLeases?.(leases, leaseSeconds, { activityId: randomUUID(), signal })
  }

  /** At half life, here and at the service. What is no longer ours is ended. */
  async function prolong(): Promise<void> {
    const now = clock.now().getTime()
    const all = [...running.values()]
    if (!all.some(({ prolongAt }) => prolongAt <= now)) return
    const ids = all.map(({ record }) => record.id)
    const kept = new Set(await items.prolong(ids, holder, leaseUntil()))
    const lost = all.filter(({ record }) => !kept.has(record.id))
    const leased = all.flatMap(({ leaseRef }) => leaseRef ?? [])
    const renewed = leased.length === 0 ? [] : ((await renewOrWait(leased)) ?? [])
    const ends = new Map(renewed.map(({ leaseId, expires }) => [leaseId, expires?.getTime()]))
    for (const one of all) {
      const leaseId = one.leaseRef?.leaseId
      if (leaseId !== undefined && ends.has(leaseId)) {
        one.leaseEnd = ends.get(leaseId)
        if (one.leaseEnd === undefined) lost.push(one)
      }
      one.prolongAt = halfOf(one.leaseEnd)
    }
    for (const one of lost) {
      // What was done meanwhile lost nothing: its result tells what became of it.
      if (running.get(one.record.id) !== one) continue
      recordLost(one.record, one.leaseRef?.leaseId)
      one.abort.abort(LOST)
    }
  }

  /** A service that does not answer now may at the next half life, which is before the leases end. */
  async function renewOrWait(leases: readonly LeaseRef[]) {
    try {
      return await renew(leases)
    } catch (error) {
      ports.journal.debug('operational', `leases could not be renewed: ${describeError(error)}`)
      return undefined
    }
  }

  return {
    look,
    count: () => running.size,
    async stop(drained) {
      const all = [...running.values()]
      const end = (): void => {
        for (const { abort } of all) abort.abort()
      }
      drained.addEventListener('abort', end, { once: true })
      if (drained.aborted) end()
      await Promise.all(all.map(({ done }) => done))
    },
  }
}

function summarise<K extends WorkKind>(
  end: WorkVerdict<K>['end'],
  fields: WorkVerdict<K>['fields'],
): string {
  const summary: WorkSummary = end.succeeded
    ? { outcome: 'succeeded', fields }
    : {
        outcome: 'failed',
        fields: { ...fields, errorCode: end.errorCode, errorMessage: end.errorMessage },
      }
  return encodeSummary(summary)
}

function failed<K extends WorkKind>(
  errorCode: Extract<WorkVerdict<K>['end'], { succeeded: false }>['errorCode'],
  errorMessage: string,
): WorkVerdict<K> {
  return { end: { succeeded: false, errorCode, errorMessage }, isPassing: false, fields: {} }
}
