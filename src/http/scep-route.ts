import type { Request, RequestHandler, Response } from 'express'
import type { ScepEnrolment } from '../connector/index.ts'
import type { Journal } from '../events/index.ts'
import { ConnectorError } from '../kernel/index.ts'
import {
  encodeCaCertificates,
  encodeCapabilities,
  MEDIA_TYPE,
  matchScepPath,
  parseHttpRequest,
  type ScepHttpRequest,
} from '../scep/index.ts'
import { createEnrolmentGate, type DeviceLimits, type Visitor } from './enrolment-gate.ts'
import type { Metrics, ScepOutcome } from './metrics.ts'
import { encodeLandingPage } from './mscep-admin-page.ts'
import { retryAfterSeconds } from './problem.ts'
import { deliverBytes, deliverMethodNotAllowed, deliverProblem, deliverText } from './reply.ts'
import { getRequestId } from './request-log.ts'
import { parseSource } from './request-source.ts'
import { createTurnedAway } from './turned-away.ts'

/** A SCEP profile as the edge needs it. Answers everything but PKIOperation from memory (REQ-33). */
export interface ScepEndpoint {
  readonly name: string
  /** Keywords of GetCACaps, in order; `GetNextCACert` is added while there is one. */
  readonly capabilities: readonly string[]
  /** DER: RA certificate first, issuing CA, higher CAs, root last (REQ-36). Changes when the RA certificate is renewed. */
  caCertificates(): readonly Uint8Array[]
  /** Body of GetNextCACert; absent or undefined: no next CA is published (REQ-49). */
  nextCaCertificates?(): Uint8Array | undefined
  /** GetCACert answers the first certificate alone (REQ-195). Default false. */
  readonly singleCaCert?: boolean
  /** A browser gets a page instead of HTTP 403 (REQ-151). Default false. */
  readonly landingPage?: boolean
  readonly enrol: ScepEnrolment
}

export interface ScepRouteOptions {
  readonly profiles: ReadonlyMap<string, ScepEndpoint>
  /** Of the paths that name no profile; undefined: those give 404. */
  readonly defaultProfile: string | undefined
  readonly limits?: DeviceLimits
  readonly journal: Journal
  readonly metrics: Pick<Metrics, 'recordScep'>
}

/** A request whose path named a profile. */
interface Visit {
  readonly req: Request
  readonly res: Response
  readonly endpoint: ScepEndpoint
  readonly visitor: Visitor
}

const noBody = { kind: 'read', bytes: new Uint8Array() } as const
const busyPauseMs = 5_000
const GET_NEXT_CA_CERT = 'GetNextCACert'

/**
 * Routes the paths of SCEP by operation.
 *
 * @see scep.md, chapters 2 (paths, methods), 3 (GetCACaps), 4 (GetCACert), 5 (GetNextCACert), 6 (PKIOperation)
 */
export function createScepRoute(options: ScepRouteOptions): RequestHandler {
  const { journal, metrics } = options
  const gate = createEnrolmentGate(options.limits ?? {})
  const turnedAway = createTurnedAway(journal)

  return async function routeScep(req, res, next): Promise<void> {
    const match = matchScepPath(pathOf(req))
    if (match === undefined) return next()
    const name = match.profile ?? options.defaultProfile
    const endpoint = name === undefined ? undefined : options.profiles.get(name)
    if (endpoint === undefined) {
      deliverProblem(res, { status: 404, sentence: 'There is no such SCEP profile.' })
      return
    }
    const remoteAddress = parseSource(req.ip, req.socket.remoteAddress)
    const visit = { req, res, endpoint, visitor: { requestId: getRequestId(req), remoteAddress } }
    const startedAt = performance.now()
    let outcome: ScepOutcome | undefined
    try {
      outcome = await answerVisit(visit)
    } catch (error) {
      outcome = classifyFailure(error)
      throw error
    } finally {
      if (outcome !== undefined) {
        metrics.recordScep(endpoint.name, outcome, performance.now() - startedAt)
        turnedAway.record(outcome, endpoint.name, visit.visitor)
      }
    }
  }

  /** @returns what became of a PKIOperation; undefined for anything else */
  async function answerVisit(visit: Visit): Promise<ScepOutcome | undefined> {
    const { req, res, visitor } = visit
    const isPost = req.method === 'POST'
    if (!isPost && req.method !== 'GET' && req.method !== 'HEAD') {
      deliverMethodNotAllowed(res, ['GET', 'HEAD', 'POST'])
      return undefined
    }
    // Before its body is read, and only PKIOperations: those are dear.
    if (isPost && (await isTurnedAway(visit))) return 'limited'
    const body = isPost ? await gate.loadBody(req) : noBody
    if (body.kind === 'refused') {
      deliverProblem(res, body.problem)
      return 'malformed'
    }
    const request = parseHttpRequest(req.method, req.url, body.bytes)
    if (request.messageDer === undefined) {
      answerInformation(visit, request)
      return undefined
    }
    if (req.method === 'HEAD') {
      deliverMethodNotAllowed(res, ['GET', 'POST'])
      return undefined
    }
    if (!isPost && (await isTurnedAway(visit))) return 'limited'
    const { messageDer, urlParams } = request
    const answer = await gate.enrol(visit.endpoint.enrol, messageDer, { ...visitor, urlParams })
    if (answer === undefined) {
      deliverBusy(res, busyPauseMs)
      return 'busy'
    }
    deliverBytes(res, 200, MEDIA_TYPE.pkiMessage, answer.replyDer)
    return answer.outcome
  }

  async function isTurnedAway({ res, visitor }: Visit): Promise<boolean> {
    const retryAfterMs = await gate.checkRate(visitor)
    if (retryAfterMs === undefined) return false
    deliverBusy(res, retryAfterMs)
    return true
  }

  function answerInformation(visit: Visit, request: ScepHttpRequest): void {
    const { req, res, endpoint, visitor } = visit
    if (req.method === 'POST') return deliverMethodNotAllowed(res, ['GET', 'HEAD'])
    journal.debug('operational', `${request.operation ?? 'unknown operation'} asked for`, {
      ...visitor,
      profile: endpoint.name,
      detail: `CA identifier: ${(request.caIdentifier ?? '').slice(0, 64)}`,
    })
    switch (request.operation) {
      case 'GetCACaps':
        return deliverBytes(res, 200, 'text/plain', encodeCapabilities(listCapabilities(endpoint)))
      case 'GetCACert':
        return answerCaCertificate(visit, request)
      case 'GetCACertChain':
        return answerCaChain(visit)
      case 'GetNextCACert':
        return answerNextCa(visit)
      case 'PKIOperation':
      case undefined:
        return answerNoOperation(visit, request)
    }
  }
}

/** Without an operation the NDES path gives 403, as a healthy NDES behind Intune does, or a page (REQ-6, 151). */
function answerNoOperation(
  { req, res, endpoint }: Visit,
  { operationText }: ScepHttpRequest,
): void {
  if (operationText === undefined && endpoint.landingPage === true) {
    return deliverText(res, 200, encodeLandingPage(), 'text/html; charset=utf-8')
  }
  if (operationText === undefined && /^\/+certsrv\//i.test(pathOf(req))) {
    return deliverText(res, 403, 'This is a SCEP server. It serves devices, not browsers.\n')
  }
  if (/^ndes/i.test(operationText ?? '')) {
    return deliverProblem(res, { status: 404, sentence: 'This operation is not offered.' })
  }
  const sentence =
    operationText === undefined
      ? 'The operation parameter is missing.'
      : 'The operation is unknown.'
  return deliverProblem(res, { status: 400, sentence })
}

/** One certificate as it is, several as a certs-only SignedData (REQ-34, 35, 195). */
function answerCaCertificate(visit: Visit, request: ScepHttpRequest): void {
  const certificates = getCertificates(visit)
  const [first] = certificates
  if (first === undefined || (certificates.length > 1 && visit.endpoint.singleCaCert !== true)) {
    return answerCaChain(visit)
  }
  if (/^0*[1-9]\d*$/.test(request.caIdentifier ?? '')) {
    // certmonger walks 0, 1, 2, … until it is told that there is no more (REQ-45).
    const sentence = 'There are no more CA certificates.'
    return deliverProblem(visit.res, { status: 404, sentence })
  }
  return deliverBytes(visit.res, 200, MEDIA_TYPE.caCertificate, first)
}

/** Announced only while it is answered, whatever the configuration lists (REQ-27). */
function listCapabilities(endpoint: ScepEndpoint): readonly string[] {
  const others = endpoint.capabilities.filter((word) => word !== GET_NEXT_CA_CERT)
  return endpoint.nextCaCertificates?.() === undefined ? others : [...others, GET_NEXT_CA_CERT]
}

function answerNextCa({ res, endpoint }: Visit): void {
  const body = endpoint.nextCaCertificates?.()
  if (body !== undefined) return deliverBytes(res, 200, MEDIA_TYPE.nextCaCertificates, body)
  deliverProblem(res, { status: 404, sentence: 'There is no next CA certificate.' })
}

function answerCaChain(visit: Visit): void {
  const body = encodeCaCertificates(getCertificates(visit))
  deliverBytes(visit.res, 200, MEDIA_TYPE.caRaCertificates, body)
}

function getCertificates({ endpoint }: Visit): readonly Uint8Array[] {
  const certificates = endpoint.caCertificates()
  if (certificates.length > 0) return certificates
  throw new ConnectorError('internal/bug', `profile ${endpoint.name} has no CA certificates`)
}

function pathOf(req: Request): string {
  return req.url.split('?', 1)[0] ?? '/'
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
