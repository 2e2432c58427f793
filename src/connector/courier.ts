import { describeError } from '../kernel/index.ts'
import { type DeliveryOutcome, type DeliveryPorts, deliverNotification } from './notification.ts'
import type { Safekeeping } from './safekeeping.ts'

/** Delivers what the outbox owes, for as long as it takes. */
export interface Courier {
  start(): void
  /** Looks for due notifications now instead of at the next round. */
  wake(): void
  /**
   * Strict mode: tries one notification until it is delivered, its pauses are used up or `signal` aborts.
   * True only when the management service said yes.
   */
  deliverNow(id: string, signal: AbortSignal): Promise<boolean>
  /** Strict mode: ends a notification that must not be delivered any more; false when it was delivered meanwhile. */
  withdraw(id: string): Promise<boolean>
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
export const defaultCourierOptions: CourierOptions = {
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
  const stopping = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let round: Promise<void> | undefined
  let again = false

  const leaseUntil = (): Date =>
    new Date(ports.clock.now().getTime() + options.attemptMs + LEASE_MARGIN_MS)

  async function runRound(): Promise<void> {
    try {
      await safekeeping.replay()
      for (;;) {
        const due = await ports.outbox.claimDue(
          ports.holder,
          ports.clock.now(),
          leaseUntil(),
          options.batch,
        )
        await Promise.all(
          due.map(async (record) => {
            await deliverNotification(record, ports, AbortSignal.timeout(options.attemptMs))
          }),
        )
        if (due.length < options.batch || stopping.signal.aborted) return
      }
    } catch (error) {
      // The store is away: the rows keep their leases, which run out by themselves, and the next round tries again.
      ports.journal.debug('operational', `courier round ended early: ${describeError(error)}`)
    }
  }

  function look(): void {
    if (stopping.signal.aborted) return
    if (round !== undefined) {
      again = true
      return
    }
    clearTimeout(timer)
    round = runRound().finally(() => {
      round = undefined
      if (stopping.signal.aborted) return
      if (again) {
        again = false
        look()
        return
      }
      timer = setTimeout(look, options.roundMs)
    })
  }

  const strictPorts: DeliveryPorts = {
    ...ports,
    pauses: {
      ...ports.pauses,
      onlineSeconds: options.strictPausesMs.map(() => STRICT_KEEP_AWAY_SECONDS),
    },
  }

  return {
    start: look,
    wake: look,
    async deliverNow(id, signal) {
      for (let attempt = 0; ; attempt += 1) {
        const record = await ports.outbox.claim(id, ports.holder, ports.clock.now(), leaseUntil())
        if (record === undefined) {
          // A round of the courier may have been faster.
          return (await ports.outbox.find(id))?.state === 'delivered'
        }
        const outcome: DeliveryOutcome = await deliverNotification(record, strictPorts, signal)
        if (outcome === 'delivered') return true
        const pauseMs = options.strictPausesMs[attempt]
        if (outcome !== 'retry' || pauseMs === undefined || signal.aborted) return false
        await pause(pauseMs, signal)
        if (signal.aborted) return false
      }
    },
    async withdraw(id) {
      const record = await ports.outbox.claim(id, ports.holder, ports.clock.now(), leaseUntil())
      if (record === undefined) return (await ports.outbox.find(id))?.state !== 'delivered'
      return await ports.outbox.markAttempt(id, ports.holder, {
        state: 'failed',
        nextDueAt: ports.clock.now(),
        error: 'withdrawn: the certificate was not handed out',
      })
    },
    async stop() {
      stopping.abort()
      clearTimeout(timer)
      await round
    },
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
