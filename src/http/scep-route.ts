import express, { type Request, type RequestHandler, type Response } from 'express'
import type { ScepEnrolment } from '../connector/index.ts'
import type { Journal } from '../events/index.ts'
import { ConnectorError } from '../kernel/index.ts'
import {
  encodeCaCertificates,
  encodeCapabilities,
  matchScepPath,
  parseGetMessage,
  parsePostMessage,
  parseScepQuery,
  type ScepQuery,
} from '../scep/index.ts'
import type { Metrics, ScepOutcome } from './metrics.ts'
import { retryAfterSeconds } from './problem.ts'
import { createRateLimiter, defaultRateLimits, type RateLimits } from './rate-limit.ts'
import { deliverBytes, deliverMethodNotAllowed, deliverProblem, deliverText } from './reply.ts'
import { getRequestId } from './request-log.ts'
import { parseSource } from './request-source.ts'

/** A SCEP profile as the edge needs it. Answers everything but PKIOperation from memory (REQ-33). */
export interface ScepEndpoint {
  readonly name: string
  /** Keywords of GetCACaps, in order. */
  readonly capabilities: readonly string[]
  /** DER: RA certificate first, issuing CA, higher CAs, root last (REQ-36). Changes when the RA certificate is renewed. */
  caCertificates(): readonly Uint8Array[]
  /** GetCACert answers the first certificate alone (REQ-195). Default false. */
  readonly singleCaCert?: boolean
  readonly enrol: ScepEnrolment
}

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

export interface ScepRouteOptions {
  readonly profiles: ReadonlyMap<string, ScepEndpoint>
  /** Of the paths that name no profile; undefined: those give 404. */
  readonly defaultProfile: string | undefined
  readonly limits?: DeviceLimits
  readonly journal: Journal
  readonly metrics: Pick<Metrics, 'recordScep'>
}

/** What is known of a request once its path named a profile. */
interface Visit {
  readonly endpoint: ScepEndpoint
  readonly query: ScepQuery
  readonly isNdesPath: boolean
  readonly requestId: string
  readonly remoteAddress: string
}

const hardMaxBodyBytes = 2 * 1024 * 1024
const getMethods = ['GET', 'HEAD']

/**
 * Routes the paths of SCEP by operation.
 *
 * @see scep.md, chapters 2 (paths, methods), 3 (GetCACaps), 4 (GetCACert), 5 (GetNextCACert), 6 (PKIOperation)
 */
export function createScepRoute(options: ScepRouteOptions): RequestHandler {
  const { limits = {}, journal } = options
  const answerPkiOperation = createPkiOperation(options, limits)

  return async function routeScep(req, res, next): Promise<void> {
    const [path = '/', ...queries] = req.url.split('?')
    const match = matchScepPath(path)
    if (match === undefined) return next()
    const endpoint = findEndpoint(match.profile)
    if (endpoint === undefined) {
      deliverProblem(res, { status: 404, sentence: 'There is no such SCEP profile.' })
      return
    }
    const visit: Visit = {
      endpoint,
      query: parseScepQuery(queries.join('?')),
      isNdesPath: match.isNdes,
      requestId: getRequestId(req),
      remoteAddress: parseSource(req.ip, req.socket.remoteAddress),
    }
    await answerOperation(req, res, visit)
  }

  function findEndpoint(profile: string | undefined): ScepEndpoint | undefined {
    const name = profile ?? options.defaultProfile
    return name === undefined ? undefined : options.profiles.get(name)
  }

  async function answerOperation(req: Request, res: Response, visit: Visit): Promise<void> {
    const operation = visit.query.operation?.toLowerCase()
    switch (operation ?? (req.method === 'POST' ? 'pkioperation' : '')) {
      case 'pkioperation':
        if (req.method === 'GET' || req.method === 'POST') {
          await answerPkiOperation(req, res, visit)
          return
        }
        return deliverMethodNotAllowed(res, ['GET', 'POST'])
      case 'getcacaps':
        return answerGet(req, res, visit, answerCapabilities)
      case 'getcacert':
        return answerGet(req, res, visit, answerCaCertificate)
      case 'getcacertchain':
        return answerGet(req, res, visit, answerCaChain)
      case 'getnextcacert':
        return answerGet(req, res, visit, () =>
          deliverProblem(res, { status: 404, sentence: 'There is no next CA certificate.' }),
        )
      case 'ndesgeneratechallenge':
      case 'ndesgetcacertthumbprint':
        return deliverProblem(res, { status: 404, sentence: 'This operation is not offered.' })
      case '':
        return answerNothingAsked(req, res, visit)
      default:
        return deliverProblem(res, { status: 400, sentence: 'The operation is unknown.' })
    }
  }

  function answerGet(
    req: Request,
    res: Response,
    visit: Visit,
    answer: (res: Response, visit: Visit) => void,
  ): void {
    if (!getMethods.includes(req.method)) return deliverMethodNotAllowed(res, getMethods)
    journal.debug('operational', `${visit.query.operation ?? ''} answered`, {
      requestId: visit.requestId,
      profile: visit.endpoint.name,
      remoteAddress: visit.remoteAddress,
      detail: `CA identifier: ${(visit.query.message ?? '').slice(0, 64)}`,
    })
    answer(res, visit)
  }
}

/** A healthy NDES with an Intune policy module answers 403 here (REQ-151); elsewhere an operation is missing (REQ-6). */
function answerNothingAsked(req: Request, res: Response, visit: Visit): void {
  if (!getMethods.includes(req.method)) {
    return deliverMethodNotAllowed(res, [...getMethods, 'POST'])
  }
  if (visit.isNdesPath) {
    return deliverText(res, 403, 'This is a SCEP server. It serves devices, not browsers.\n')
  }
  return deliverProblem(res, { status: 400, sentence: 'The operation parameter is missing.' })
}

function answerCapabilities(res: Response, { endpoint }: Visit): void {
  deliverBytes(res, 200, 'text/plain', encodeCapabilities(endpoint.capabilities))
}

/** One certificate as it is, several as a degenerate SignedData (REQ-34, 35, 195). */
function answerCaCertificate(res: Response, visit: Visit): void {
  const certificates = visit.endpoint.caCertificates()
  const [first] = certificates
  if (first === undefined) throw noCertificates(visit)
  if (visit.endpoint.singleCaCert !== true && certificates.length > 1) {
    return answerCaChain(res, visit)
  }
  if (/^0*[1-9]\d*$/.test(visit.query.message ?? '')) {
    // certmonger walks 0, 1, 2, … until it is told that there is no more (REQ-45).
    return deliverProblem(res, { status: 404, sentence: 'There are no more CA certificates.' })
  }
  deliverBytes(res, 200, 'application/x-x509-ca-cert', first)
}

function answerCaChain(res: Response, visit: Visit): void {
  const certificates = visit.endpoint.caCertificates()
  if (certificates.length === 0) throw noCertificates(visit)
  deliverBytes(res, 200, 'application/x-x509-ca-ra-cert', encodeCaCertificates(certificates))
}

function noCertificates({ endpoint }: Visit): ConnectorError {
  return new ConnectorError('internal/bug', `profile ${endpoint.name} has no CA certificates`)
}

/** PKIOperation: limits, then the message's bytes, then the enrolment, whose answer goes out as it is. */
function createPkiOperation(
  { metrics }: ScepRouteOptions,
  limits: DeviceLimits,
): (req: Request, res: Response, visit: Visit) => Promise<void> {
  const limiter = createRateLimiter({ ...defaultRateLimits, ...limits.rates })
  const maxRunning = limits.maxRunningEnrolments ?? 512
  const timeoutMs = limits.enrolmentTimeoutMs ?? 60_000
  const readBody = express.raw({
    // Clients send any type, an empty one or none (REQ-20).
    type: () => true,
    limit: Math.min(limits.maxBodyBytes ?? 256 * 1024, hardMaxBodyBytes),
    inflate: false,
  })
  let running = 0

  return async function answerPkiOperation(req, res, visit): Promise<void> {
    const startedAt = performance.now()
    let outcome: ScepOutcome = 'error'
    try {
      const admission = await limiter.checkRequest(visit.remoteAddress)
      if (admission.kind === 'limited') {
        outcome = 'limited'
        return deliverBusy(res, admission.retryAfterMs)
      }
      if (running >= maxRunning) {
        outcome = 'busy'
        return deliverBusy(res, 5_000)
      }
      const answer = await answerMessage(req, res, visit)
      outcome = answer.outcome
      if (outcome === 'challenge-refused') await limiter.recordFailedChallenge(visit.remoteAddress)
      deliverBytes(res, 200, 'application/x-pki-message', answer.replyDer)
    } catch (error) {
      outcome = classifyFailure(error)
      throw error
    } finally {
      metrics.recordScep(visit.endpoint.name, outcome, performance.now() - startedAt)
    }
  }

  async function answerMessage(req: Request, res: Response, visit: Visit) {
    running += 1
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(), timeoutMs)
    try {
      const messageDer =
        req.method === 'POST'
          ? parsePostMessage(await loadBody(req, res))
          : parseGetMessage(visit.query)
      // A device that hangs up does not end its enrolment: it comes back, and gets the certificate then (REQ-143).
      return await visit.endpoint.enrol(messageDer, {
        requestId: visit.requestId,
        remoteAddress: visit.remoteAddress,
        signal: deadline.signal,
      })
    } finally {
      clearTimeout(timer)
      running -= 1
    }
  }

  function loadBody(req: Request, res: Response): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      readBody(req, res, (error?: unknown) => {
        if (error !== undefined && error !== null) reject(error as Error)
        else resolve(req.body instanceof Uint8Array ? req.body : new Uint8Array())
      })
    })
  }
}

/** Overload is never a FAILURE: that would make Windows and Apple devices give up (REQ-190). */
function deliverBusy(res: Response, retryAfterMs: number): void {
  deliverProblem(res, {
    status: 503,
    sentence: 'The server is busy. Try again later.',
    retryAfterSeconds: retryAfterSeconds(retryAfterMs),
  })
}

function classifyFailure(error: unknown): ScepOutcome {
  if (!(error instanceof ConnectorError)) return 'error'
  if (error.code === 'scep/malformed') return 'malformed'
  return error.code.startsWith('worker/') ? 'busy' : 'error'
}
