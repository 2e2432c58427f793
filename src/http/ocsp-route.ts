import { createHash } from 'node:crypto'
import { type Request, type Response, Router } from 'express'
import { deliverBytes, deliverMethodNotAllowed, deliverProblem } from './reply.ts'
import { loadBody } from './request-body.ts'

const REPLY_TYPE = 'application/ocsp-response'
const maxBodyBytes = 8192
const maxPathLength = 4096

/** Caches shall come back sooner than the answer ends, so that a revocation gets about. */
const maxAgeSeconds = 300

/** What the OCSP route asks. */
export interface OcspSource {
  answer(requestDer: Uint8Array): Promise<{
    readonly der: Uint8Array
    readonly cache: { readonly thisUpdate: Date; readonly nextUpdate: Date } | undefined
  }>
  now(): Date
}

/**
 * OCSP over HTTP: POST of the request, or GET with the request in base64 behind `/ocsp/`. Problems of OCSP are answers with
 * HTTP 200 (RFC 6960, appendix A); cacheable ones carry the headers of RFC 5019, section 6.2.
 */
export function createOcspRoute(source: OcspSource): Router {
  const router = Router()
  router.all(/^\/ocsp(?:\/|$)/, async (req: Request, res: Response) => {
    const requestDer = await loadRequest(req, res)
    if (requestDer === undefined) return
    const { der, cache } = await source.answer(requestDer)
    if (cache !== undefined) {
      const leftSeconds = Math.floor((cache.nextUpdate.getTime() - source.now().getTime()) / 1000)
      const age = Math.max(0, Math.min(maxAgeSeconds, leftSeconds))
      res.setHeader('Cache-Control', `max-age=${age}, public, no-transform, must-revalidate`)
      res.setHeader('Last-Modified', cache.thisUpdate.toUTCString())
      res.setHeader('Expires', cache.nextUpdate.toUTCString())
      res.setHeader(
        'ETag',
        `"${createHash('sha256').update(der).digest('base64url').slice(0, 27)}"`,
      )
    }
    if (cache !== undefined && req.method === 'GET' && req.fresh) {
      res.statusCode = 304
      res.end()
      return
    }
    deliverBytes(res, 200, REPLY_TYPE, der)
  })
  return router
}

/** @returns undefined when it was answered already */
async function loadRequest(req: Request, res: Response): Promise<Uint8Array | undefined> {
  if (req.method === 'POST') {
    const body = await loadBody(req, maxBodyBytes)
    if (body.kind === 'read') return body.bytes
    deliverProblem(res, body.problem)
    return undefined
  }
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    deliverMethodNotAllowed(res, ['GET', 'HEAD', 'POST'])
    return undefined
  }
  return parsePath(req.url)
}

/** What is no base64 is an empty request, which OCSP itself calls malformed. */
function parsePath(url: string): Uint8Array {
  const path = url.split('?', 1)[0] ?? ''
  // Some clients write a slash more than the address has.
  const text = path.slice('/ocsp'.length).replace(/^\/{1,2}/, '')
  if (text.length > maxPathLength) return new Uint8Array()
  const unescaped = text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  const base64 = unescaped.replaceAll(' ', '+')
  return /^[A-Za-z0-9+/]*={0,2}$/.test(base64)
    ? new Uint8Array(Buffer.from(base64, 'base64'))
    : new Uint8Array()
}
