import { createHash } from 'node:crypto'
import type { Request, Response } from 'express'
import { deliverBytes, deliverMethodNotAllowed, deliverProblem } from './reply.ts'

/** A file that a CA publishes: a CRL or its certificate, DER. */
export interface CaFile {
  readonly bytes: Uint8Array
  readonly lastModified: Date
  /** How long caches may keep it, in seconds; well below the time to the next CRL. */
  readonly maxAgeSeconds: number
}

/** Where the published files come from; undefined: no such CA. Must not depend on the CA being reachable. */
export interface CaFiles {
  /** @param part name of a shard or a delta; left out: the full CRL */
  crl(caId: string, part?: string): CaFile | undefined | Promise<CaFile | undefined>
  caCertificate(caId: string): CaFile | undefined | Promise<CaFile | undefined>
}

/** Strong tags by content, computed once a file. */
const tags = new WeakMap<Uint8Array, string>()

/** Answers GET and HEAD for a published file, with 304 where the client has it already (RFC 9110, section 13). */
export async function answerCaFile(
  req: Request,
  res: Response,
  mediaType: string,
  find: () => CaFile | undefined | Promise<CaFile | undefined>,
): Promise<void> {
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    deliverMethodNotAllowed(res, ['GET', 'HEAD'])
    return
  }
  const file = await find()
  if (file === undefined) {
    deliverProblem(res, {
      status: 404,
      sentence: 'There is no such certification authority, or it publishes nothing here.',
    })
    return
  }
  res.setHeader('ETag', getTag(file.bytes))
  res.setHeader('Last-Modified', file.lastModified.toUTCString())
  res.setHeader('Cache-Control', `public, max-age=${file.maxAgeSeconds}`)
  if (req.fresh) {
    res.statusCode = 304
    res.end()
    return
  }
  deliverBytes(res, 200, mediaType, file.bytes)
}

function getTag(bytes: Uint8Array): string {
  const known = tags.get(bytes)
  if (known !== undefined) return known
  const tag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 27)}"`
  tags.set(bytes, tag)
  return tag
}
