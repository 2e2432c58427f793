/**
 * Text of a body. UTF-8 where it is valid, else ISO-8859-1, which Microsoft's Java library sends under a plain
 * `application/json` (protocol note, chapter 3.1).
 */
export function parseBodyText(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    return Buffer.from(body).toString('latin1')
  }
}

/** The JSON of a body in either encoding; undefined when it is none. */
export function parseBodyJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(parseBodyText(body))
  } catch {
    // The caller answers 400; what exactly JSON.parse disliked may quote the challenge.
    return undefined
  }
}
