import { createHash } from 'node:crypto'
import { ConnectorError } from '../../kernel/index.ts'
import { cleanText } from '../http/plain-text.ts'
import type { WorkRequests } from '../work-items.ts'
import type {
  GivenBack,
  UnreadableItem,
  UploadOutcome,
  WorkCall,
  WorkItem,
  WorkKind,
  WorkLease,
  WorkQueue,
  WorkResult,
} from '../work-queue.ts'
import { describeIssues, type ServiceConnection } from './connection.ts'
import { operations, queues } from './wire/operations.ts'
import { itemIdentity } from './wire/queues.ts'
import { workRequests } from './work-items.ts'
import { workValues } from './work-results.ts'

/** Fewer than the contract's default, which counts also where the service allows more. */
const MAX_ITEMS: Readonly<Record<WorkKind, number>> = {
  pkcs: 100,
  pkcsRecrypt: 100,
  pkcsImport: 100,
  revocation: 500,
}
const MAX_WAIT_SECONDS = 30
const MAX_MESSAGE = 1024

/** As the wire has it: a CA that wants more is asked in between. */
const MAX_RETRY_AFTER_SECONDS = 86_400

/** How the service wants to be asked. */
export interface Pace {
  /** Pause between two downloads where the answer names none; undefined: the service has not said. */
  pollMs: number | undefined
}

/** What a queue is asked with. */
export interface QueueTerms {
  readonly pace: Pace
  /** Only items of these CAs; undefined: all. */
  readonly certificationAuthorities: readonly string[] | undefined
}

/**
 * One queue of the open service. An item that is not what its kind must be is handed on as unreadable, and costs the
 * others nothing; one without context or lease is passed over, for nobody could be told of it.
 */
export function createWorkQueue<K extends WorkKind>(
  kind: K,
  connection: ServiceConnection,
  { pace, certificationAuthorities }: QueueTerms,
): WorkQueue<K> {
  const { download, upload } = queues[kind]
  return {
    name: `open-service/${kind}`,
    kind,
    limits: { maxItems: MAX_ITEMS[kind], maxWaitSeconds: MAX_WAIT_SECONDS },

    async download({ maxItems, waitSeconds, leaseSeconds, ...call }) {
      const { limits } = await connection.discover(call.signal)
      const most = kind === 'revocation' ? limits.maxRevocationRequests : limits.maxRequests
      const wait = Math.min(waitSeconds, limits.maxWaitSeconds)
      const downloadParameters = {
        maxRequests: Math.min(maxItems, most),
        waitSeconds: wait,
        leaseSeconds: Math.min(
          Math.max(leaseSeconds, limits.minLeaseSeconds),
          limits.maxLeaseSeconds,
        ),
        ...(certificationAuthorities === undefined
          ? {}
          : { certificationAuthorities: [...certificationAuthorities] }),
      }
      const answer = await connection.call(
        download,
        { downloadParameters },
        { ...call, holdMs: wait * 1000 },
      )
      const { value, moreAvailable, pollAfterSeconds } = answer.value
      const pollAfterMs = pollAfterSeconds === undefined ? pace.pollMs : pollAfterSeconds * 1000
      const read = value.slice(0, maxItems).map((raw) => readItem(kind, raw))
      return {
        items: read.filter((item) => item !== undefined && 'request' in item) as WorkItem<K>[],
        unreadable: read.filter((item) => item !== undefined && 'problem' in item),
        passedOver: read.filter((item) => item === undefined).length,
        moreAvailable: moreAvailable ?? false,
        ...(pollAfterMs === undefined ? {} : { pollAfterMs }),
        ...(answer.serverRequestId === undefined
          ? {}
          : { serverRequestId: answer.serverRequestId }),
      }
    },

    async upload(results, call) {
      const headers = { 'idempotency-key': idempotencyKeyOf(results) }
      try {
        const body = { results: results.map((result) => encodeResult(kind, result)) }
        const { value } = await connection.call(upload, body, { ...call, headers })
        return results.map(({ requestContext }) => outcomeOf(requestContext, value.outcomes))
      } catch (failure) {
        // The whole call is refused only where every lease of it is stale.
        if (!(failure instanceof ConnectorError) || failure.httpStatus !== 409) throw failure
        return results.map(({ requestContext }) => ({ requestContext, outcome: 'staleLease' }))
      }
    },

    async renewLeases(leases, leaseSeconds, call) {
      const body = { leases: leases.map((lease) => ({ ...lease, leaseSeconds })) }
      const { value } = await connection.call(operations.renewLeases, body, call)
      return leases.map((lease) => {
        const told = value.value.find(
          ({ requestContext }) => requestContext === lease.requestContext,
        )
        const end = told?.lost === true ? undefined : told?.expiresDateTime
        return { ...lease, expires: end === undefined ? undefined : new Date(end) }
      })
    },

    async releaseLeases(leases: readonly GivenBack[], reason, call: WorkCall) {
      const body = { leases: leases.map(encodeGivenBack), reason }
      await connection.call(operations.releaseLeases, body, call)
    },
  }
}

function readItem<K extends WorkKind>(
  kind: K,
  raw: unknown,
): WorkItem<K> | UnreadableItem | undefined {
  const identity = itemIdentity.safeParse(raw)
  if (!identity.success) return undefined
  const { requestContext, lease: wireLease } = identity.data
  const { id, attempt } = wireLease
  const lease: WorkLease = { id, attempt, expires: new Date(wireLease.expiresDateTime) }
  const parsed = queues[kind].item.safeParse(raw)
  if (!parsed.success) {
    const isUnknownWord = parsed.error.issues.every(({ code }) => code === 'invalid_value')
    return {
      requestContext,
      lease,
      errorCode: isUnknownWord ? 'NotSupportedError' : 'ParameterDataInvalidError',
      problem: describeIssues(parsed.error),
    }
  }
  // The schema and the function are of the same kind; the compiler cannot follow that through the table.
  const item = parsed.data as never
  const expires = (parsed.data as { expiresDateTime?: string }).expiresDateTime
  return {
    requestContext,
    lease,
    expires: expires === undefined ? undefined : new Date(expires),
    request: workRequests[kind](item) as WorkRequests[K],
  }
}

function encodeResult<K extends WorkKind>(
  kind: K,
  { requestContext, lease, end, durationMs }: WorkResult<K>,
): Readonly<Record<string, unknown>> {
  if (lease === undefined)
    throw new ConnectorError('internal/bug', `a result of ${kind} has no lease`)
  const identity = { requestContext, leaseId: lease.id, attempt: lease.attempt }
  const duration = Math.max(0, Math.round(durationMs))
  if (end.succeeded)
    return {
      ...identity,
      succeeded: true,
      errorCode: 'None',
      errorMessage: null,
      ...workValues[kind](end.value as never),
      durationMs: duration,
    }
  return {
    ...identity,
    succeeded: false,
    errorCode: end.errorCode,
    errorMessage: cleanText(end.errorMessage, [], MAX_MESSAGE),
    ...(end.hResult === undefined ? {} : { hresult: formatHResult(end.hResult) }),
    durationMs: duration,
  }
}

function encodeGivenBack({ waitsFor, ...lease }: GivenBack) {
  if (waitsFor === undefined) return lease
  const { caRequestId, retryAfterMs } = waitsFor
  const seconds = Math.min(Math.max(Math.ceil(retryAfterMs / 1000), 1), MAX_RETRY_AFTER_SECONDS)
  return { ...lease, caRequestId, retryAfterSeconds: seconds }
}

function formatHResult(hResult: number): string {
  return `0x${(hResult >>> 0).toString(16).toUpperCase().padStart(8, '0')}`
}

function outcomeOf(
  requestContext: string,
  outcomes: readonly {
    requestContext: string
    outcome: UploadOutcome['outcome']
    detail?: string | undefined
  }[],
): UploadOutcome {
  const found = outcomes.find((outcome) => outcome.requestContext === requestContext)
  if (found === undefined)
    throw new ConnectorError(
      'management/bad-response',
      'the connector service: its answer to an upload lacks the outcome of a result',
      { isTransient: true },
    )
  const { outcome, detail } = found
  return {
    requestContext,
    outcome,
    ...(detail === undefined ? {} : { detail: cleanText(detail) }),
  }
}

/** SHA-256 over the pairs, sorted: the same results again have the same key, in whatever order. */
function idempotencyKeyOf(results: readonly WorkResult<WorkKind>[]): string {
  const pairs = results.map(
    ({ requestContext, lease }) => [requestContext, lease?.attempt ?? 0] as const,
  )
  pairs.sort(([a, first], [b, second]) => (a < b ? -1 : a > b ? 1 : first - second))
  return createHash('sha256').update(JSON.stringify(pairs)).digest('hex')
}
