import type { RequestListener } from 'node:http'
import express, { type ErrorRequestHandler, type Request, type Response } from 'express'
import helmet from 'helmet'
import type { Logger } from 'pino'
import { describeError } from '../kernel/index.ts'
import { type ChallengesApi, createChallengesApi } from './challenges-api.ts'
import { isOwnHost } from './host-name.ts'
import type { Metrics } from './metrics.ts'
import { parseProblem } from './problem.ts'
import { deliverMethodNotAllowed, deliverProblem, deliverText } from './reply.ts'
import { createRequestLog } from './request-log.ts'
import type { ConnectorStatus, ReadinessCheck } from './status.ts'
import { encodeStatusPage, statusStyle } from './status-page.ts'

export interface AdminAppOptions {
  /** The same list for `/readyz`, the page and the heartbeat. Kept by the connector; asked at each request. */
  checks(): readonly ReadinessCheck[] | Promise<readonly ReadinessCheck[]>
  status(): ConnectorStatus | Promise<ConnectorStatus>
  readonly metrics: Pick<Metrics, 'load' | 'mediaType'>
  readonly logger: Logger
  now(): Date
  /** Names under which the listener is reached, beside addresses and names without a dot. Default none. */
  readonly hostNames?: readonly string[]
  /** Absent: there is no call that makes challenges. */
  readonly challenges?: ChallengesApi
  /** How long `/readyz` waits for the checks, in milliseconds. Default 3,000. */
  readonly checksTimeoutMs?: number
}

/**
 * The listener for operators and their machines: live, ready, figures, a page, and where a token is set, challenges for
 * other management services. It keeps no state. What reads has no login: it belongs on loopback or a management network,
 * never on the device listener. Answers only under names of its own, so that no web page of a stranger can read it
 * through an operator's browser.
 */
export function createAdminApp(options: AdminAppOptions): RequestListener {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', false)
  app.use(createRequestLog(options.logger, 'admin'))
  app.use(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          'default-src': ["'none'"],
          'style-src': ["'self'"],
          'base-uri': ["'none'"],
          'form-action': ["'none'"],
          'frame-ancestors': ["'none'"],
        },
      },
      strictTransportSecurity: false,
    }),
  )
  app.use((_req, res, next) => {
    res.setHeader('Cache-Control', 'no-store')
    next()
  })

  const hostNames = (options.hostNames ?? []).map((name) => name.toLowerCase())
  app.use((req, res, next) => {
    if (isOwnHost(req.headers.host, hostNames)) return next()
    deliverText(res, 421, 'This name is not listed in listeners.admin.hostNames.\n')
  })

  answerGet('/healthz', (_req, res) => {
    deliverJson(res, 200, { status: 'live' })
  })

  answerGet('/readyz', async (_req, res) => {
    const checks = await loadChecks(options)
    const isReady = checks.every((check) => check.status !== 'failed')
    deliverJson(res, isReady ? 200 : 503, {
      status: isReady ? 'ready' : 'not ready',
      checks: checks.map((check) => encodeCheck(check, options.now())),
    })
  })

  answerGet('/metrics', async (_req, res) => {
    deliverText(res, 200, await options.metrics.load(), options.metrics.mediaType)
  })

  answerGet('/api/status', async (_req, res) => {
    const [status, checks] = await Promise.all([options.status(), loadChecks(options)])
    const now = options.now()
    deliverJson(res, 200, { ...status, checks: checks.map((check) => encodeCheck(check, now)) })
  })

  answerGet('/', async (_req, res) => {
    const [status, checks] = await Promise.all([options.status(), loadChecks(options)])
    const page = encodeStatusPage(status, checks, options.now())
    deliverText(res, 200, page, 'text/html; charset=utf-8')
  })

  answerGet('/status.css', (_req, res) => {
    deliverText(res, 200, statusStyle, 'text/css; charset=utf-8')
  })

  if (options.challenges !== undefined) app.use(createChallengesApi(options.challenges))

  app.use((_req, res) => {
    deliverProblem(res, { status: 404, sentence: 'There is nothing here.' })
  })
  app.use(answerFailure(options.logger))
  return app

  function answerGet(
    path: string,
    answer: (req: Request, res: Response) => void | Promise<void>,
  ): void {
    app
      .route(path)
      .get(answer)
      .all((_req, res) => deliverMethodNotAllowed(res, ['GET', 'HEAD']))
  }
}

/** The last handler: a failure becomes a fixed sentence, its reason goes to the log. */
function answerFailure(logger: Logger): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    logger.error({ requestId: req.id, reason: describeError(error) }, 'admin request failed')
    if (res.headersSent) return next(error)
    deliverProblem(res, parseProblem(error))
  }
}

/** Checks that do not answer in time are themselves a reason not to be ready. */
async function loadChecks(options: AdminAppOptions): Promise<readonly ReadinessCheck[]> {
  const timeoutMs = options.checksTimeoutMs ?? 3_000
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<readonly ReadinessCheck[]>((resolve) => {
    timer = setTimeout(() => {
      resolve([failedCheck(`the checks did not answer within ${timeoutMs} ms`)])
    }, timeoutMs)
  })
  try {
    return await Promise.race([options.checks(), late])
  } catch (error) {
    options.logger.error({ reason: describeError(error) }, 'readiness checks failed')
    return [failedCheck('the checks failed; see the log')]
  } finally {
    clearTimeout(timer)
  }

  function failedCheck(reason: string): ReadinessCheck {
    return { name: 'checks', status: 'failed', reason, checkedAt: options.now() }
  }
}

function encodeCheck(check: ReadinessCheck, now: Date): object {
  const ageSeconds = Math.max(0, (now.getTime() - check.checkedAt.getTime()) / 1000)
  return { name: check.name, status: check.status, reason: check.reason, ageSeconds }
}

function deliverJson(res: Response, status: number, value: object): void {
  deliverText(res, status, `${JSON.stringify(value)}\n`, 'application/json')
}
