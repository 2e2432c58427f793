import type { IncomingMessage } from 'node:http'
import type { ScepEnrolment } from '../connector/index.ts'
import { withTimeLimit } from '../kernel/index.ts'
import { createRateLimiter, defaultRateLimits, type RateLimits } from './rate-limit.ts'
import { loadBody, type RequestBody } from './request-body.ts'

/** Bounds of what devices may ask for. */
export interface DeviceLimits {
  /** Largest POST body; default 256 KiB, never more than 2 MiB (REQ-62). */
  readonly maxBodyBytes?: number
  /** Enrolments at a time; more are told to come back. Default 512. */
  readonly maxRunningEnrolments?: number
  /** Longest enrolment, in milliseconds. Default 60,000. */
  readonly enrolmentTimeoutMs?: number
  readonly rates?: Partial<RateLimits>
}

/** Who asks, as far as the edge knows. */
export interface Visitor {
  /** GUID. */
  readonly requestId: string
  readonly remoteAddress: string
  /** Of a PKIOperation: what its URL says beside operation and message. */
  readonly urlParams?: ReadonlyMap<string, string>
}

/** The gate before the enrolments of a listener. */
export interface EnrolmentGate {
  /** Counts a request; how long to stay away where there were too many, in milliseconds. */
  checkRate(visitor: Visitor): Promise<number | undefined>
  /** Reads a body within the limit. */
  loadBody(req: IncomingMessage): Promise<RequestBody>
  /** Runs one enrolment within its time; undefined when too many run already. */
  enrol(
    enrol: ScepEnrolment,
    messageDer: Uint8Array,
    visitor: Visitor,
  ): ReturnType<ScepEnrolment> | undefined
}

const hardMaxBodyBytes = 2 * 1024 * 1024

/** One gate a listener: its counters are about the whole of it. */
export function createEnrolmentGate(limits: DeviceLimits): EnrolmentGate {
  const limiter = createRateLimiter({ ...defaultRateLimits, ...limits.rates })
  const maxRunning = limits.maxRunningEnrolments ?? 512
  const timeoutMs = limits.enrolmentTimeoutMs ?? 60_000
  const maxBodyBytes = Math.min(limits.maxBodyBytes ?? 256 * 1024, hardMaxBodyBytes)
  let running = 0

  return {
    async checkRate({ remoteAddress }) {
      const admission = await limiter.checkRequest(remoteAddress)
      return admission.kind === 'limited' ? admission.retryAfterMs : undefined
    },

    loadBody: (req) => loadBody(req, maxBodyBytes),

    enrol(enrol, messageDer, visitor) {
      return running < maxRunning ? runEnrolment(enrol, messageDer, visitor) : undefined
    },
  }

  async function runEnrolment(enrol: ScepEnrolment, messageDer: Uint8Array, visitor: Visitor) {
    running += 1
    try {
      // A device that hangs up does not end its enrolment: it comes back, and gets the certificate then (REQ-143).
      const answer = await withTimeLimit(timeoutMs, (signal) =>
        enrol(messageDer, { ...visitor, signal }),
      )
      if (answer.outcome === 'challenge-refused') {
        await limiter.recordFailedChallenge(visitor.remoteAddress)
      }
      return answer
    } finally {
      running -= 1
    }
  }
}
