import type { Clock } from '../../kernel/index.ts'
import { parseCaErrorCode } from '../intune/ca-error-codes.ts'
import { type Answer, type Call, ok } from '../wire/answer.ts'
import { downloadBody, releaseLeasesBody, renewLeasesBody, uploadBody } from './bodies.ts'
import type { Connector, ConnectorRegister } from './connectors.ts'
import { readCall, recogniseCaller, serviceError } from './gate.ts'
import type { IdempotencyStore } from './idempotency.ts'
import type { OpenServiceSettings } from './settings.ts'
import { workLimits } from './work-limits.ts'
import { type WorkItem, type WorkKind, WorkQueue, workKinds } from './work-queue.ts'

const defaultLeaseSeconds = 300
const pausedPollSeconds = 60

/** What the queues are made of. */
export interface WorkParts {
  readonly connectors: ConnectorRegister
  readonly idempotency: IdempotencyStore
  readonly settings: { readonly current: OpenServiceSettings }
  readonly clock: Clock
}

/** The four queues over the wire. */
export class WorkService {
  readonly #parts: WorkParts
  readonly queues: Readonly<Record<WorkKind, WorkQueue>>

  constructor(parts: WorkParts) {
    this.#parts = parts
    const open = (kind: WorkKind): WorkQueue => new WorkQueue(kind, parts.clock)
    this.queues = {
      pkcs: open('pkcs'),
      pkcsRecrypt: open('pkcsRecrypt'),
      pkcsImport: open('pkcsImport'),
      revocation: open('revocation'),
    }
  }

  /** Lends items, and holds the answer while there are none. */
  async download(kind: WorkKind, call: Call): Promise<Answer> {
    const caller = this.#admit(kind, call)
    if ('status' in caller) return caller
    const read = readCall(call, downloadBody)
    if ('status' in read) return read
    const { downloadParameters: asked } = read.body
    const most = kind === 'revocation' ? workLimits.maxRevocationRequests : workLimits.maxRequests
    if (asked.maxRequests > most)
      return serviceError(call, 400, 'ParameterDataInvalid', `maxRequests is at most ${most}.`)
    const terms = {
      maxRequests: asked.maxRequests,
      issuerName: asked.issuerName ?? null,
      certificationAuthorities: asked.certificationAuthorities,
      isGone: (connectorId: string) => this.#isGone(connectorId),
      leaseSeconds: Math.min(
        Math.max(asked.leaseSeconds ?? defaultLeaseSeconds, workLimits.minLeaseSeconds),
        this.#parts.settings.current.maxLeaseSeconds,
      ),
    }
    const waitMs = Math.min(asked.waitSeconds ?? 0, workLimits.maxWaitSeconds) * 1000
    const signal = AbortSignal.any([AbortSignal.timeout(waitMs), ...(call.gone ? [call.gone] : [])])
    for (;;) {
      // Paused, or gone, while the answer was held: what comes now is not for this one.
      if (this.#parts.connectors.find(caller.connector.id)?.paused !== false)
        return ok({ value: [], moreAvailable: false, pollAfterSeconds: pausedPollSeconds })
      const { items, moreAvailable } = this.queues[kind].offer(caller.connector, terms)
      if (items.length > 0 || waitMs === 0 || signal.aborted)
        return ok({
          value: items.map(encodeItem),
          moreAvailable,
          // Who asks without waiting keeps the pace of the health answer.
          ...(items.length === 0 && waitMs === 0 ? {} : { pollAfterSeconds: 0 }),
        })
      await this.queues[kind].nextArrival(signal)
    }
  }

  /** Takes results; each has an outcome of its own. */
  upload(kind: WorkKind, call: Call): Answer {
    const caller = this.#admit(kind, call)
    if ('status' in caller) return caller
    const read = readCall(call, uploadBody)
    if ('status' in read) return read
    const key = call.headers['idempotency-key']
    if (typeof key !== 'string' || !/^[0-9A-Fa-f]{64}$/.test(key))
      return serviceError(call, 400, 'ParameterDataInvalid', 'Idempotency-Key is a SHA-256.')
    return this.#parts.idempotency.once(`${caller.connector.id} ${kind} ${key}`, () => {
      const outcomes = read.body.results.map((raw) => {
        const code = parseCaErrorCode(raw.errorCode)
        const isConsistent = code !== undefined && raw.succeeded === (code.value === 0)
        const taken = isConsistent
          ? this.queues[kind].take(caller.connector, { ...raw, raw, isRetryable: code.isRetryable })
          : { outcome: 'rejected', detail: 'succeeded and errorCode do not fit together' }
        return { requestContext: raw.requestContext, ...taken }
      })
      if (outcomes.every(({ outcome }) => outcome === 'staleLease'))
        return serviceError(call, 409, 'StaleLease', 'Every lease of the call is stale.')
      return ok({ value: outcomes.every(({ outcome }) => outcome !== 'rejected'), outcomes })
    })
  }

  /** Prolongs loans of any queue. */
  renewLeases(call: Call): Answer {
    const caller = recogniseCaller(call, this.#parts.connectors)
    if ('status' in caller) return caller
    const read = readCall(call, renewLeasesBody)
    if ('status' in read) return read
    const { maxLeaseSeconds } = this.#parts.settings.current
    const value = read.body.leases.map(({ requestContext, leaseId, leaseSeconds }) => {
      const seconds = Math.min(leaseSeconds ?? defaultLeaseSeconds, maxLeaseSeconds)
      const end = Object.values(this.queues)
        .map((queue) => queue.prolong(caller.connector, requestContext, leaseId, seconds))
        .find((found) => found !== undefined)
      return end === undefined
        ? { requestContext, lost: true }
        : { requestContext, expiresDateTime: end.toISOString() }
    })
    return ok({ value })
  }

  /** Takes loans back. */
  releaseLeases(call: Call): Answer {
    const caller = recogniseCaller(call, this.#parts.connectors)
    if ('status' in caller) return caller
    const read = readCall(call, releaseLeasesBody)
    if ('status' in read) return read
    const isPending = read.body.reason === 'caPending'
    for (const { requestContext, leaseId, caRequestId, retryAfterSeconds } of read.body.leases)
      for (const queue of Object.values(this.queues))
        queue.takeBack(
          caller.connector,
          requestContext,
          leaseId,
          isPending && caRequestId !== undefined ? { caRequestId, retryAfterSeconds } : undefined,
        )
    return ok({ value: true })
  }

  /** Left, or not heard for a day: what only it can go on with is nobody's any more. */
  #isGone(connectorId: string): boolean {
    const known = this.#parts.connectors.find(connectorId)
    return known === undefined || this.#parts.connectors.stateOf(known) === 'inactive'
  }

  #admit(kind: WorkKind, call: Call): { readonly connector: Connector } | Answer {
    const caller = recogniseCaller(call, this.#parts.connectors)
    if ('status' in caller || caller.connector.features[workKinds[kind]]) return caller
    return serviceError(call, 403, 'FeatureMissing', `The connector does no ${workKinds[kind]}.`)
  }
}

function encodeItem(item: WorkItem): Readonly<Record<string, unknown>> {
  return {
    ...item.body,
    requestContext: item.requestContext,
    createdDateTime: item.queuedAt.toISOString(),
    expiresDateTime: item.expiresAt.toISOString(),
    lease: {
      id: item.lease?.id,
      expiresDateTime: item.lease?.expiresAt.toISOString(),
      attempt: item.attempt,
    },
  }
}
