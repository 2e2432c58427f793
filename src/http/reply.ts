import type { ServerResponse } from 'node:http'
import type { Problem } from './problem.ts'

/**
 * Answers with bytes: Content-Length always, never chunked (REQ-15), the media type as given and nothing after it
 * (REQ-23). For HEAD the body stays away and its length is told.
 */
export function deliverBytes(
  res: ServerResponse,
  status: number,
  mediaType: string,
  body: Uint8Array,
): void {
  res.statusCode = status
  res.setHeader('Content-Type', mediaType)
  res.setHeader('Content-Length', body.byteLength)
  res.end(body)
}

/** Answers with text. The media type says its own charset where one may stand. */
export function deliverText(
  res: ServerResponse,
  status: number,
  text: string,
  mediaType = 'text/plain',
): void {
  deliverBytes(res, status, mediaType, Buffer.from(text, 'utf8'))
}

/** Answers with a failure: one sentence, and when to come back. */
export function deliverProblem(res: ServerResponse, problem: Problem): void {
  if (problem.retryAfterSeconds !== undefined) {
    res.setHeader('Retry-After', problem.retryAfterSeconds)
  }
  deliverText(res, problem.status, `${problem.sentence}\n`)
}

/** Answers that this method is not for this resource (REQ-8). */
export function deliverMethodNotAllowed(res: ServerResponse, allowed: readonly string[]): void {
  res.setHeader('Allow', allowed.join(', '))
  deliverProblem(res, { status: 405, sentence: `Use ${allowed.join(' or ')} here.` })
}
