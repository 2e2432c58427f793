import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import { type HttpLogger, pinoHttp } from 'pino-http'
import { parseSource } from './request-source.ts'

/**
 * One line a request: method, path, status, time. Never the query (it holds the SCEP message), headers (credentials)
 * or a stack. Gives each request its ID (`req.id`, a GUID), which the events of the request carry as well.
 *
 * What went well is written at debug, because the events tell it; refusals at info, failures of ours at error.
 */
export function createRequestLog(logger: Logger, listener: 'device' | 'admin'): HttpLogger {
  return pinoHttp({
    logger: logger.child({ listener }),
    genReqId: () => randomUUID(),
    wrapSerializers: false,
    serializers: { req: describeRequest, res: describeResponse, err: () => undefined },
    customLogLevel: (_req, res, error) => {
      if (error !== undefined || res.statusCode >= 500) return 'error'
      return res.statusCode >= 400 ? 'info' : 'debug'
    },
    customSuccessMessage: () => 'request answered',
    customErrorMessage: (_req, res) =>
      res.writableFinished ? 'request failed' : 'request abandoned',
  })
}

/** The GUID of a request that went through the log. */
export function getRequestId(req: IncomingMessage): string {
  return typeof req.id === 'string' ? req.id : randomUUID()
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

function describeResponse(res: ServerResponse): object {
  return { statusCode: res.statusCode }
}
