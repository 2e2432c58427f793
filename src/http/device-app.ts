import type { RequestListener } from 'node:http'
import express, { type ErrorRequestHandler } from 'express'
import helmet from 'helmet'
import type { Logger } from 'pino'
import { describeError } from '../kernel/index.ts'
import { answerCaFile, type CaFile, type CaFiles } from './ca-files-route.ts'
import { createMscepAdminRoute, type MscepAdminOptions } from './mscep-admin-route.ts'
import { createOcspRoute, type OcspSource } from './ocsp-route.ts'
import { parseProblem } from './problem.ts'
import { deliverProblem } from './reply.ts'
import { createRequestLog } from './request-log.ts'
import { createScepRoute, type ScepRouteOptions } from './scep-route.ts'

export interface DeviceAppOptions extends ScepRouteOptions, CaFiles {
  /** Pages that hand out challenges, by profile. Default none. */
  readonly mscepAdminPages?: MscepAdminOptions['pages']
  /** Absent: nothing is answered at `/ocsp`. */
  readonly ocsp?: OcspSource
  readonly logger: Logger
  /**
   * Proxies in front: their addresses or networks, or how many there are. Default none: then X-Forwarded-For is ignored,
   * because anybody can write it.
   */
  readonly trustProxy?: readonly string[] | number
}

/**
 * The listener for devices: SCEP, CRLs, OCSP and CA certificates. Takes requests apart and puts answers together; what a
 * request deserves is decided by the enrolment it is handed to.
 *
 * Never redirects (REQ-16), never compresses, never sends a stack.
 *
 * @see scep.md, chapters 2 to 6
 */
export function createDeviceApp(options: DeviceAppOptions): RequestListener {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', false)
  const { trustProxy = [] } = options
  app.set('trust proxy', typeof trustProxy === 'number' ? trustProxy : [...trustProxy])
  app.use(createRequestLog(options.logger, 'device'))
  app.use(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives: { 'default-src': ["'none'"] } },
      // Devices use plain HTTP on purpose (REQ-17); where there is TLS in front, that place knows better.
      strictTransportSecurity: false,
    }),
  )
  app.use((_req, res, next) => {
    res.setHeader('Cache-Control', 'no-store')
    next()
  })
  // Its paths lie below those of SCEP profiles.
  app.use(
    createMscepAdminRoute({
      pages: options.mscepAdminPages ?? new Map(),
      defaultProfile: options.defaultProfile,
      journal: options.journal,
    }),
  )
  // What devices ask most, before the rest.
  if (options.profiles.size > 0) app.use(createScepRoute(options))
  app.all('/crl/:ca.crl', (req, res) =>
    answerCaFile(req, res, 'application/pkix-crl', () => options.crl(req.params.ca)),
  )
  app.all('/crl/:ca/:part.crl', (req, res) =>
    answerCaFile(req, res, 'application/pkix-crl', () => findCrlPart(options, req.params)),
  )
  app.all('/aia/:ca.cer', (req, res) =>
    answerCaFile(req, res, 'application/pkix-cert', () => options.caCertificate(req.params.ca)),
  )
  if (options.ocsp !== undefined) app.use(createOcspRoute(options.ocsp))
  app.use((_req, res) => {
    deliverProblem(res, { status: 404, sentence: 'There is nothing here.' })
  })
  app.use(answerFailure(options.logger))

  return (req, res) => {
    // Before Express looks at it, which routes by what it takes for a path.
    req.url = parseOriginForm(req.url ?? '/')
    app(req, res)
  }
}

/** A shard or a delta. Names that no CRL has are not looked up. */
async function findCrlPart(
  files: CaFiles,
  { ca, part }: { readonly ca: string; readonly part: string },
): Promise<CaFile | undefined> {
  return /^(?:\d{1,3}|(?:\d{1,3}-)?delta)$/.test(part) ? await files.crl(ca, part) : undefined
}

/**
 * A request target as its path and query: `http://host/path?query`, which clients behind a proxy send, loses its host
 * (REQ-12).
 */
function parseOriginForm(target: string): string {
  const absolute = /^https?:\/\/[^/?#]*/i.exec(target)
  if (absolute === null) return target
  const rest = target.slice(absolute[0].length)
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** The last handler: a failure becomes status and sentence, its reason goes to the log. */
function answerFailure(logger: Logger): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    const problem = parseProblem(error)
    const level = problem.status === 500 ? 'error' : 'debug'
    logger[level]({ requestId: req.id, reason: describeError(error) }, 'device request failed')
    if (res.headersSent) return next(error)
    deliverProblem(res, problem)
  }
}
