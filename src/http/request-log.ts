import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestHandler } from 'express'
import type { Logger } from 'pino'
import { parseSource } from './request-source.ts'

declare module 'http' {
  interface IncomingMessage {
    /** GUID, once the request went through the log. */
    id?: string
  }
}

/**
 * One line a request: method, path, status, time. Never the query (it holds the SCEP message), headers (credentials)
 * or a stack. Gives each request its ID (`req.id`, a GUID), which the events of the request carry as well.
 *
 * What went well is written at debug, because the events tell it; refusals at info, failures of ours at error.
 *
 * Own code instead of pino-http 11.0.0, which describes every request and gives it a logger of its own before it is
 * known whether a line will be written.
 */
export function createRequestLog(logger: Logger, listener: 'device' | 'admin'): RequestHandler {
  const log = logger.child({ listener })
  return (req, res, next) => {
    req.id = randomUUID()
    const startedAt = performance.now()
    res.once('close', () => {
      const level = levelOf(res)
      if (!log.isLevelEnabled(level)) return
      const responseTime = Math.round(performance.now() - startedAt)
      const { statusCode } = res
      log[level]({ req: describeRequest(req), res: { statusCode }, responseTime }, outcomeOf(res))
    })
    next()
  }
}

/** The GUID of a request that went through the log. */
export function getRequestId(req: IncomingMessage): string {
  return req.id ?? randomUUID()
}

function levelOf({ statusCode }: ServerResponse): 'error' | 'info' | 'debug' {
  if (statusCode >= 500) return 'error'
  return statusCode >= 400 ? 'info' : 'debug'
}

function outcomeOf({ statusCode, writableFinished }: ServerResponse): string {
  if (!writableFinished) return 'request abandoned'
  return statusCode >= 500 ? 'request failed' : 'request answered'
}

const maxPathLength = 200

function describeRequest(req: IncomingMessage): object {
  const path = (req.url ?? '').split('?', 1)[0] ?? ''
  return {
    id: req.id,
    method: req.method,
    path: path.slice(0, maxPathLength),
    httpVersion: req.httpVersion,
    remoteAddress: parseSource(findClientAddress(req), req.socket.remoteAddress),
  }
}

/** What Express makes of X-Forwarded-For under its trust setting. */
function findClientAddress(req: IncomingMessage): string | undefined {
  return 'ip' in req && typeof req.ip === 'string' ? req.ip : undefined
}
