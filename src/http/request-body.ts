import type { IncomingMessage } from 'node:http'
import type { Problem } from './problem.ts'

/** A body, or why it was not taken. */
export type RequestBody =
  | { readonly kind: 'read'; readonly bytes: Uint8Array }
  | { readonly kind: 'refused'; readonly problem: Problem }

const tooLarge: RequestBody = {
  kind: 'refused',
  problem: { status: 413, sentence: 'The request body is too large.' },
}

const coded: RequestBody = {
  kind: 'refused',
  problem: {
    status: 415,
    sentence: 'Content-Encoding is not supported. Send the body as it is.',
  },
}

const incomplete: RequestBody = {
  kind: 'refused',
  problem: { status: 400, sentence: 'The request body is incomplete.' },
}

/**
 * Reads a body as octets, whatever its Content-Type says, also when that is empty or missing (REQ-20).
 *
 * Keeps at most `maxBytes` and refuses as soon as there are more, announced or not (REQ-62). What still comes is
 * thrown away by the HTTP server within its time for a request, so that the client lives to read the refusal.
 * Nothing is unpacked: a small body cannot become a large one.
 */
export function loadBody(req: IncomingMessage, maxBytes: number): Promise<RequestBody> {
  const coding = req.headers['content-encoding'] ?? 'identity'
  if (coding.toLowerCase() !== 'identity') return Promise.resolve(coded)
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve(tooLarge)

  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0

    function finish(body: RequestBody): void {
      req.off('data', onData).off('end', onEnd).off('close', onClose)
      resolve(body)
    }
    function onData(chunk: Buffer): void {
      length += chunk.byteLength
      if (length > maxBytes) finish(tooLarge)
      else chunks.push(chunk)
    }
    function onEnd(): void {
      finish({ kind: 'read', bytes: Buffer.concat(chunks, length) })
    }
    function onClose(): void {
      finish(incomplete)
    }

    req.on('data', onData).on('end', onEnd).on('close', onClose)
  })
}
