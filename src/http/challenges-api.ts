import { createHmac, createSecretKey, randomBytes } from 'node:crypto'
import { type Request, type Response, Router } from 'express'
import { events, type Journal } from '../events/index.ts'
import { ConnectorError, describeError, equalBytes, type Secret } from '../kernel/index.ts'
import { parseProblem, retryAfterSeconds } from './problem.ts'
import { createRateLimiter, defaultRateLimits } from './rate-limit.ts'
import { deliverText } from './reply.ts'
import { getRequestId } from './request-log.ts'
import { parseSource } from './request-source.ts'

/** What makes challenges for other management services. */
export interface ChallengesApi {
  readonly token: Secret
  /** One for this profile; `unknown`: none has one-time challenges under this name; `full`: too many are unused. */
  readonly issue: (
    profile: string,
  ) => Promise<{ readonly challenge: Secret; readonly expiresAt: Date } | 'unknown' | 'full'>
  readonly journal: Journal
}

/** Wrong tokens of one source in a minute, after which even the right one waits. */
const RATES = { ...defaultRateLimits, requestsPerSource: 6000, failedChallengesPerSource: 20 }

const FULL_PAUSE_MS = 60_000

/**
 * `POST /api/profiles/{profile}/challenges` with a bearer token: 201 and `{challenge, expiresAt}`. Whatever else it is, is a
 * problem in JSON (RFC 9457). The body of the request is not read.
 *
 * The token is hashed under a key of this process and compared in constant time.
 */
export function createChallengesApi({ token, issue, journal }: ChallengesApi): Router {
  const router = Router()
  const limiter = createRateLimiter(RATES)
  const key = createSecretKey(randomBytes(32))
  const hash = (text: string) => createHmac('sha256', key).update(text, 'utf8').digest()
  const expected = hash(token.reveal())

  router.all('/api/profiles/:profile/challenges', async (req, res) => {
    if (req.method !== 'POST') {
      res.setHeader('Allow', 'POST')
      return deliverProblem(res, 405, 'Use POST here.')
    }
    const remoteAddress = parseSource(undefined, req.socket.remoteAddress)
    const visitor = { requestId: getRequestId(req), remoteAddress, profile: req.params.profile }
    const admission = await limiter.checkRequest(remoteAddress)
    if (admission.kind === 'limited')
      return deliverTooMany(res, admission.retryAfterMs, 'Too many requests, or wrong tokens.')
    if (!equalBytes(hash(parseBearer(req)), expected)) {
      await limiter.recordFailedChallenge(remoteAddress)
      recordRefused(visitor, 'no token, or a wrong one')
      res.setHeader('WWW-Authenticate', 'Bearer')
      return deliverProblem(res, 401, 'Send the token of listeners.admin.apiToken.')
    }
    try {
      await answer(res, visitor)
    } catch (error) {
      const { status, sentence, retryAfterSeconds: pause } = parseProblem(error)
      recordRefused(visitor, describeError(error))
      if (!(error instanceof ConnectorError)) throw error
      if (pause !== undefined) res.setHeader('Retry-After', pause)
      deliverProblem(res, status, sentence)
    }
  })
  return router

  async function answer(res: Response, visitor: Visitor): Promise<void> {
    const made = await issue(visitor.profile)
    if (made === 'unknown') {
      const detail = 'There is no profile of this name with one-time challenges.'
      return deliverProblem(res, 404, detail)
    }
    if (made === 'full') {
      recordRefused(visitor, 'too many challenges are unused')
      return deliverTooMany(res, FULL_PAUSE_MS, 'Too many challenges are unused.')
    }
    journal.record(events.ChallengeAsked, { ...visitor, succeeded: true, detail: 'by the API' })
    const { challenge, expiresAt } = made
    const body = { challenge: challenge.reveal(), expiresAt: expiresAt.toISOString() }
    deliverText(res, 201, `${JSON.stringify(body)}\n`, 'application/json')
  }

  function recordRefused(visitor: Visitor, errorMessage: string): void {
    journal.record(events.ChallengeAsked, { ...visitor, succeeded: false, errorMessage })
  }
}

interface Visitor {
  readonly requestId: string
  readonly remoteAddress: string
  readonly profile: string
}

function parseBearer(req: Request): string {
  return /^bearer +(\S+)$/i.exec(req.headers.authorization ?? '')?.[1] ?? ''
}

function deliverTooMany(res: Response, pauseMs: number, detail: string): void {
  res.setHeader('Retry-After', retryAfterSeconds(pauseMs))
  deliverProblem(res, 429, detail)
}

const titles: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  404: 'Not Found',
  405: 'Method Not Allowed',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
}

function deliverProblem(res: Response, status: number, detail: string): void {
  const body = { type: 'about:blank', title: titles[status] ?? 'Error', status, detail }
  deliverText(res, status, `${JSON.stringify(body)}\n`, 'application/problem+json')
}
