import { hash, randomBytes } from 'node:crypto'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { parseNetwork } from './request-source.ts'

/** How much one source, and all together, may ask for in a window. 0 switches a limit off. */
export interface RateLimits {
  /** Default 60. */
  readonly windowSeconds: number
  /** PKIOperations of one source. Default 600: all devices may come through one proxy. */
  readonly requestsPerSource: number
  /** PKIOperations of all sources together. Default 0. */
  readonly requestsTotal: number
  /** Refused challenges of one source, after which its requests wait. Default 60. */
  readonly failedChallengesPerSource: number
  /** Refused challenges of all sources together. Default 0. */
  readonly failedChallengesTotal: number
}

export const defaultRateLimits: RateLimits = {
  windowSeconds: 60,
  requestsPerSource: 600,
  requestsTotal: 0,
  failedChallengesPerSource: 60,
  failedChallengesTotal: 0,
}

/** Whether a request may go on; otherwise how long its sender should wait, in milliseconds. */
export type Admission =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'limited'; readonly retryAfterMs: number }

/** Counts requests and refused challenges apart (REQ-190). One instance a listener. */
export interface RateLimiter {
  /** Counts one request of this address and decides. */
  checkRequest(address: string): Promise<Admission>
  /** Remembers that the challenge of this address was refused. */
  recordFailedChallenge(address: string): Promise<void>
}

/** Sources share this many counters, so that memory stays bounded whatever addresses are invented. */
const slots = 16_384

const everybody = 'all'

/** Counts in memory, for this process only. */
export function createRateLimiter(limits: RateLimits): RateLimiter {
  const counter = (points: number) =>
    points === 0
      ? undefined
      : new RateLimiterMemory({ points, duration: limits.windowSeconds, keyPrefix: '' })
  const requests = counter(limits.requestsPerSource)
  const requestsTotal = counter(limits.requestsTotal)
  const failures = counter(limits.failedChallengesPerSource)
  const failuresTotal = counter(limits.failedChallengesTotal)
  // Without the salt nobody can choose addresses that share a counter with a victim.
  const salt = randomBytes(16).toString('hex')

  function slotOf(address: string): string {
    const digest = hash('sha256', `${salt}${parseNetwork(address)}`, 'buffer')
    return String(digest.readUInt32BE() % slots)
  }

  return {
    async checkRequest(address) {
      const slot = slotOf(address)
      const full = (await findFull(failures, slot)) ?? (await findFull(failuresTotal, everybody))
      if (full !== undefined) return limited(full)
      const over =
        (await consumeOrRefuse(requests, slot)) ?? (await consumeOrRefuse(requestsTotal, everybody))
      return over === undefined ? { kind: 'admitted' } : limited(over)
    },

    async recordFailedChallenge(address) {
      await failures?.penalty(slotOf(address))
      await failuresTotal?.penalty(everybody)
    },
  }
}

async function findFull(
  counter: RateLimiterMemory | undefined,
  key: string,
): Promise<RateLimiterRes | undefined> {
  const count = await counter?.get(key)
  if (count === null || count === undefined || counter === undefined) return undefined
  return count.consumedPoints >= counter.points ? count : undefined
}

async function consumeOrRefuse(
  counter: RateLimiterMemory | undefined,
  key: string,
): Promise<RateLimiterRes | undefined> {
  try {
    await counter?.consume(key)
    return undefined
  } catch (refusal) {
    // The library rejects with its result where a limit is reached, and with an Error where it is broken.
    if (refusal instanceof RateLimiterRes) return refusal
    throw refusal
  }
}

function limited(count: RateLimiterRes): Admission {
  return { kind: 'limited', retryAfterMs: Math.max(1_000, count.msBeforeNext) }
}
