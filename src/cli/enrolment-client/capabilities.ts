import type { RequestCipher, RequestDigest } from './types.ts'

/** What a server says it can do (RFC 8894, section 3.5.2). */
export interface ServerCapabilities {
  readonly keywords: readonly string[]
  readonly hasPost: boolean
  readonly hasRenewal: boolean
  /** The strongest that both sides have. */
  readonly digest: RequestDigest
  readonly cipher: RequestCipher
}

/**
 * Reads the reply of GetCACaps. Letter case, line ends and unknown words do not matter; no list at all means the oldest
 * servers: SHA-1, Triple DES, GET.
 */
export function parseCapabilities(text: string): ServerCapabilities {
  const keywords = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const known = new Set(keywords.map((keyword) => keyword.toLowerCase()))
  const isStandard = known.has('scepstandard')
  const has = (keyword: string) => known.has(keyword)
  return {
    keywords,
    hasPost: isStandard || has('postpkioperation'),
    hasRenewal: has('renewal'),
    digest: strongestDigest(has, isStandard),
    cipher: isStandard || has('aes') ? 'aes-128-cbc' : 'des-ede3-cbc',
  }
}

function strongestDigest(has: (keyword: string) => boolean, isStandard: boolean): RequestDigest {
  if (has('sha-512')) return 'sha512'
  return isStandard || has('sha-256') ? 'sha256' : 'sha1'
}
