import { toBase64 } from '../kernel/index.ts'

/** Writes DER as PEM with lines of 64 characters (RFC 7468). */
export function encodePem(label: string, der: Uint8Array): string {
  const lines = toBase64(der).match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

/** The first block with that label; text around it is skipped. Undefined when there is none. */
export function decodePem(label: string, text: string): Uint8Array | undefined {
  const begin = `-----BEGIN ${label}-----`
  const start = text.indexOf(begin)
  const end = text.indexOf(`-----END ${label}-----`, start)
  if (start < 0 || end < 0) return undefined
  const body = text.slice(start + begin.length, end).replace(/\s+/g, '')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(body)) return undefined
  return new Uint8Array(Buffer.from(body, 'base64'))
}
