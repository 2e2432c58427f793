import { describeError } from '../kernel/index.ts'
import type { NotificationRecord } from '../store/index.ts'
import {
  type DeliveryOutcome,
  type DeliveryPorts,
  deliverNotification,
  withdrawNotification,
} from './notification.ts'
import { createRounds } from './rounds.ts'
import type { Safekeeping } from './safekeeping.ts'

/** Delivers what the outbox owes, for as long as it takes. */
export interface Courier {
  /** Frees what this instance had under way when it died. Before `start`, and only then. */
  releaseLeases(): Promise<void>
  start(): void
  /** Looks for due notifications now instead of at the next round. */
  wake(): void
  /**
   * Strict mode: tries one notification until it is delivered, its pauses are used up or `signal` aborts.
   * True only when the management service said yes.
   *
   * @throws ConnectorError `store/unavailable`
   */
  deliverNow(id: string, signal: AbortSignal): Promise<boolean>
  /** Strict mode: ends a notification that must not be delivered any more. */
  withdraw(id: string): Promise<'withdrawn' | 'delivered' | 'busy'>
  /** Ends the rounds; resolves when the attempts that run have ended. */
  stop(): Promise<void>
}

export interface CourierOptions {
  /** How often the outbox and the spool are looked at without being woken, in milliseconds. */
  readonly roundMs: number
  /** Rows leased in one round. */
  readonly batch: number
  /** Time one attempt may take, in milliseconds; the lease outlives it. */
  readonly attemptMs: number
  /** Pauses between the attempts of strict mode, in milliseconds; a device waits about 30 s. */
  readonly strictPausesMs: readonly number[]
}

/** Rounds of one second; ten attempts side by side, as many as the service is asked for at once (intune-api 7). */
const defaultCourierOptions: CourierOptions = {
  roundMs: 1000,
  batch: 10,
  attemptMs: 30_000,
  strictPausesMs: [1000, 3000],
}

const LEASE_MARGIN_MS = 30_000

/** Keeps the rounds away from a notification that strict mode is about to try again itself. Seconds. */
const STRICT_KEEP_AWAY_SECONDS = 120

/** Starts nothing yet; `start` does. */
export function createCourier(
  ports: DeliveryPorts,
  safekeeping: Safekeeping,
  options: CourierOptions = defaultCourierOptions,
): Courier {
  const leaseUntil = (): Date =>
    new Date(ports.clock.now().getTime() + options.attemptMs + LEASE_MARGIN_MS)
  const rounds = createRounds(async (isStopping) => {
    await replaySpool(ports, safekeeping)
    await deliverDue(ports, options, leaseUntil, isStopping)
  }, options.roundMs)

  // A lease of its own: what a round of this process is delivering right now is not tried beside it.
  const strictPorts: DeliveryPorts = {
    ...ports,
    holder: `${ports.holder}/strict`,
    pauses: {
      ...ports.pauses,
      onlineSeconds: options.strictPausesMs.map(() => STRICT_KEEP_AWAY_SECONDS),
    },
  }

  async function claim(id: string): Promise<NotificationRecord | 'delivered' | 'busy'> {
    const { outbox, clock, holder } = strictPorts
    const record = await outbox.claim(id, holder, clock.now(), leaseUntil())
    if (record !== undefined) return record
    return (await outbox.find(id))?.state === 'delivered' ? 'delivered' : 'busy'
  }

  async function tryNow(id: string, signal: AbortSignal): Promise<DeliveryOutcome | 'busy'> {
    const record = await claim(id)
    if (typeof record === 'string') return record
    const outcome = await deliverNotification(record, strictPorts, signal)
    if (outcome !== 'lost') return outcome
    return (await ports.outbox.find(id))?.state === 'delivered' ? 'delivered' : 'busy'
  }

  return {
    async releaseLeases() {
      for (const { holder } of [ports, strictPorts]) await ports.outbox.releaseLeases(holder)
    },
    start: rounds.look,
    wake: rounds.look,
    async deliverNow(id, signal) {
      for (const pauseMs of [...options.strictPausesMs, undefined]) {
        const outcome = await tryNow(id, signal)
        if (outcome === 'delivered') return true
        if (outcome !== 'retry' && outcome !== 'busy') return false
        if (pauseMs === undefined || signal.aborted) return false
        await pause(pauseMs, signal)
      }
      return false
    },
    async withdraw(id) {
      const record = await claim(id)
      if (typeof record === 'string') return record
      return (await withdrawNotification(record, strictPorts)) ? 'withdrawn' : 'busy'
    },
    stop: rounds.stop,
  }
}

/** A spool that cannot be used must not keep what the store owes from being delivered. */
async function replaySpool({ journal }: DeliveryPorts, safekeeping: Safekeeping): Promise<void> {
  try {
    await safekeeping.replay()
  } catch (error) {
    journal.debug('operational', `the spool could not be replayed: ${describeError(error)}`)
  }
}

async function deliverDue(
  ports: DeliveryPorts,
  { batch, attemptMs }: CourierOptions,
  leaseUntil: () => Date,
  isStopping: () => boolean,
): Promise<void> {
  const { outbox, holder, clock, journal } = ports
  try {
    for (let count = batch; count === batch && !isStopping(); ) {
      const due = await outbox.claimDue(holder, clock.now(), leaseUntil(), batch)
      count = due.length
      const attempts = await Promise.allSettled(
        due.map(
          async (record) =>
            await deliverNotification(record, ports, AbortSignal.timeout(attemptMs)),
        ),
      )
      const failed = attempts.find((attempt) => attempt.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    }
  } catch (error) {
    // The store is away: the rows keep their leases, which run out by themselves, and the next round tries again.
    journal.debug('operational', `courier round ended early: ${describeError(error)}`)
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
  })
}
