import type { Request, RequestHandler, Response } from 'express'
import { events, type Journal } from '../events/index.ts'
import { encodeMscepAdminPage, type PageContent, type PagePassword } from './mscep-admin-page.ts'
import { retryAfterSeconds } from './problem.ts'
import { createRateLimiter, defaultRateLimits } from './rate-limit.ts'
import { deliverBytes, deliverMethodNotAllowed, deliverProblem } from './reply.ts'
import { getRequestId } from './request-log.ts'
import { parseSource } from './request-source.ts'

/** The page of one profile. */
export interface MscepAdminPage {
  readonly charset: 'utf16' | 'utf8'
  /** What name and password are worth; must take the same time for an unknown name. */
  authenticate(name: string, password: string): Promise<'allowed' | 'forbidden' | 'unknown'>
  /** A challenge for whoever was allowed; `full`: too many are unused. */
  issue(): Promise<PagePassword | 'full'>
  /** DER of the CA that issues. */
  caCertificate(): Uint8Array | Promise<Uint8Array>
}

export interface MscepAdminOptions {
  /** By profile; those without the page are not here. */
  readonly pages: ReadonlyMap<string, MscepAdminPage>
  readonly defaultProfile: string | undefined
  readonly journal: Journal
}

/** A login costs some 50 ms: this bounds what strangers can make of that, and how fast they can guess. */
const RATES = {
  ...defaultRateLimits,
  requestsPerSource: 300,
  requestsTotal: 1200,
  failedChallengesPerSource: 10,
}

/** Logins that are worked out at a time; each takes 16 MiB. */
const MAX_LOGINS = 4

/**
 * `/certsrv/mscep_admin` of the default profile and `/scep/{profile}/mscep_admin`, with and without a slash or
 * `/mscep.dll` behind it: a challenge for users with a password (HTTP Basic). 404 wherever the page is not switched on.
 *
 * @see REQ-153 to 158
 */
export function createMscepAdminRoute(options: MscepAdminOptions): RequestHandler {
  const { pages, defaultProfile, journal } = options
  const limiter = createRateLimiter(RATES)
  let logins = 0

  return async function routeMscepAdmin(req, res, next): Promise<void> {
    const path = matchPath(req.url, defaultProfile)
    if (path === undefined) return next()
    const page = path.profile === undefined ? undefined : pages.get(path.profile)
    if (page === undefined)
      return deliverProblem(res, { status: 404, sentence: 'There is nothing here.' })
    if (req.method !== 'GET') return deliverMethodNotAllowed(res, ['GET'])
    await answer(req, res, page, path.profile ?? '')
  }

  async function answer(
    req: Request,
    res: Response,
    page: MscepAdminPage,
    profile: string,
  ): Promise<void> {
    const remoteAddress = parseSource(req.ip, req.socket.remoteAddress)
    const visitor = { requestId: getRequestId(req), remoteAddress, profile }
    const admission = await limiter.checkRequest(remoteAddress)
    if (admission.kind === 'limited') {
      journal.debug('operational', 'too many logins at mscep_admin', visitor)
      return deliverBusy(res, admission.retryAfterMs)
    }
    const credentials = parseBasic(req.headers.authorization)
    if (credentials !== undefined && logins >= MAX_LOGINS) return deliverBusy(res, 1000)
    const login = credentials === undefined ? 'unknown' : await logIn(page, credentials)
    if (login !== 'allowed') {
      if (credentials !== undefined) {
        await limiter.recordFailedChallenge(remoteAddress)
        journal.record(events.ChallengeAsked, {
          ...visitor,
          succeeded: false,
          errorMessage: login === 'unknown' ? 'wrong name or password' : 'not in allowedUsers',
        })
      }
      if (login === 'unknown') {
        res.setHeader('WWW-Authenticate', 'Basic realm="certsrv", charset="UTF-8"')
        return await deliverPage(req, res, page, 401, 'forbidden')
      }
      return await deliverPage(req, res, page, 200, 'forbidden')
    }
    const content = await page.issue()
    journal.record(events.ChallengeAsked, {
      ...visitor,
      succeeded: content !== 'full',
      detail: `by ${credentials?.name ?? ''} at mscep_admin`,
      ...(content === 'full' ? { errorMessage: 'passwordMax challenges are unused' } : {}),
    })
    return await deliverPage(req, res, page, 200, content)
  }

  async function logIn(page: MscepAdminPage, { name, password }: Credentials) {
    logins += 1
    try {
      return await page.authenticate(name, password)
    } finally {
      logins -= 1
    }
  }
}

interface Credentials {
  readonly name: string
  readonly password: string
}

function parseBasic(header: string | undefined): Credentials | undefined {
  const [, base64] = /^basic +([A-Za-z0-9+/]{1,1024}={0,2})$/i.exec(header ?? '') ?? []
  if (base64 === undefined) return undefined
  const text = Buffer.from(base64, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0) return undefined
  return { name: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** @returns undefined: the path is no page of this kind; without a profile: nobody has it */
function matchPath(
  url: string,
  defaultProfile: string | undefined,
): { readonly profile: string | undefined } | undefined {
  const path = url.split('?', 1)[0] ?? ''
  if (/^\/certsrv\/mscep_admin(?:\/(?:mscep\.dll)?)?$/i.test(path))
    return { profile: defaultProfile }
  const [, profile] =
    /^\/scep\/([a-z0-9-]{1,32})\/mscep_admin(?:\/(?:mscep\.dll)?)?$/i.exec(path) ?? []
  return profile === undefined ? undefined : { profile }
}

async function deliverPage(
  req: Request,
  res: Response,
  page: MscepAdminPage,
  status: number,
  content: PageContent,
): Promise<void> {
  const text = encodeMscepAdminPage(content, await page.caCertificate())
  const asked = new URLSearchParams(req.url.split('?').slice(1).join('?')).get('charset')
  if (page.charset === 'utf8' || /^utf-?8$/i.test(asked ?? ''))
    return deliverBytes(res, status, 'text/html; charset=utf-8', Buffer.from(text, 'utf8'))
  // No mark and no charset: NDES has neither, and programs that read its page guess UTF-16 from that (REQ-154).
  deliverBytes(res, status, 'text/html', Buffer.from(text, 'utf16le'))
}

function deliverBusy(res: Response, retryAfterMs: number): void {
  deliverProblem(res, {
    status: 503,
    sentence: 'Too many requests. Try again later.',
    retryAfterSeconds: retryAfterSeconds(retryAfterMs),
  })
}
