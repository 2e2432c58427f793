import { ConnectorError } from '../kernel/index.ts'
import { parsePercentText } from './percent-text.ts'

/** The operations of RFC 8894, section 4, and certmonger's GetCACertChain. */
export type ScepOperation =
  | 'GetCACaps'
  | 'GetCACert'
  | 'GetCACertChain'
  | 'GetNextCACert'
  | 'PKIOperation'

/** An HTTP request as SCEP sees it. */
export interface ScepHttpRequest {
  /** Path of the target, without query, not decoded. For `matchScepPath`. */
  readonly path: string
  /** undefined: none was given by GET (REQ-6), or it is unknown (REQ-7); `operationText` tells which. */
  readonly operation: ScepOperation | undefined
  /** The operation as it was given, at most 64 characters; undefined when none was. */
  readonly operationText: string | undefined
  /** `message` of the operations other than PKIOperation; for the log (REQ-9). */
  readonly caIdentifier: string | undefined
  /** The pkiMessage of a PKIOperation, not parsed. */
  readonly messageDer?: Uint8Array
  /** Parameters beside operation and message; of repeated ones the first (REQ-10). */
  readonly urlParams: ReadonlyMap<string, string>
}

const operations: ReadonlyMap<string, ScepOperation> = new Map([
  ['getcacaps', 'GetCACaps'],
  ['getcacert', 'GetCACert'],
  ['getcacertchain', 'GetCACertChain'],
  ['getnextcacert', 'GetNextCACert'],
  ['pkioperation', 'PKIOperation'],
])

const maxParameters = 64
const sequenceOctet = 0x30
const base64Octet = 0x4d

/**
 * Reads a SCEP request out of HTTP. Which methods an operation allows is the caller's business (REQ-8).
 *
 * @param target request target as received: origin or absolute form, query not decoded
 * @param body empty for GET; read as octets whatever its content type (REQ-20)
 * @throws ConnectorError `scep/malformed` a PKIOperation without a message, base64 that is none, too many parameters
 * @see RFC 8894, sections 4.1 to 4.3; REQ-4 to 12, 20, 21, 53 to 58
 */
export function parseHttpRequest(
  method: string,
  target: string,
  body: Uint8Array,
): ScepHttpRequest {
  const { path, query } = splitTarget(target)
  const parameters = splitQuery(query)
  const operationText = takeFirst(parameters, 'operation')?.slice(0, 64)
  const message = takeFirst(parameters, 'message')
  const isPost = method.toUpperCase() === 'POST'
  const operation =
    operationText === undefined && isPost
      ? 'PKIOperation'
      : operations.get(parsePercentText(operationText ?? '').toLowerCase())
  const common = {
    path,
    operation,
    operationText: operationText === undefined ? undefined : parsePercentText(operationText),
    urlParams: decodeParameters(parameters),
  }
  if (operation !== 'PKIOperation') {
    const caIdentifier = message === undefined ? undefined : parsePercentText(message, true)
    return { ...common, caIdentifier }
  }
  const messageDer = isPost ? readBody(body) : readQueryMessage(message)
  return { ...common, caIdentifier: undefined, messageDer }
}

/** Absolute form comes from clients that think they talk to a proxy (REQ-12). */
function splitTarget(target: string): { path: string; query: string } {
  const scheme = target.indexOf('://')
  const isAbsolute = scheme > 0 && /^[a-z]+$/i.test(target.slice(0, scheme))
  const pathStart = isAbsolute ? target.slice(scheme + 3).search(/[/?]/) : 0
  const local = !isAbsolute ? target : pathStart < 0 ? '/' : target.slice(scheme + 3 + pathStart)
  const mark = local.indexOf('?')
  return mark < 0
    ? { path: local || '/', query: '' }
    : { path: local.slice(0, mark) || '/', query: local.slice(mark + 1) }
}

type Parameter = readonly [name: string, value: string]

/** Splits at `&` and at every further `?` (REQ-11). Nothing is decoded: `+` means itself here (REQ-54). */
function splitQuery(query: string): Parameter[] {
  const parts = query.split(/[&?]/, maxParameters + 1).filter((part) => part !== '')
  if (parts.length > maxParameters) {
    throw new ConnectorError('scep/malformed', `more than ${maxParameters} query parameters`)
  }
  return parts.map((part) => {
    const equals = part.indexOf('=')
    return equals < 0 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)]
  })
}

function takeFirst(parameters: readonly Parameter[], name: string): string | undefined {
  return parameters.find(([given]) => given.toLowerCase() === name)?.[1]
}

function decodeParameters(parameters: readonly Parameter[]): Map<string, string> {
  const decoded = new Map<string, string>()
  for (const [rawName, value] of parameters) {
    const name = parsePercentText(rawName, true)
    const lowered = name.toLowerCase()
    if (lowered === 'operation' || lowered === 'message' || decoded.has(name)) continue
    decoded.set(name, parsePercentText(value, true))
  }
  return decoded
}

function readQueryMessage(raw: string | undefined): Uint8Array {
  if (raw === undefined || raw === '') {
    throw new ConnectorError('scep/malformed', 'PKIOperation by GET has no message parameter')
  }
  const once = parsePercentText(raw)
  const text = once.includes('%') ? parsePercentText(once) : once
  return parseBase64(text.replaceAll(' ', '+'))
}

function readBody(body: Uint8Array): Uint8Array {
  if (body.length === 0) throw new ConnectorError('scep/malformed', 'PKIOperation has no body')
  if (body[0] === sequenceOctet || body[0] !== base64Octet) return body
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1')
  return parseBase64(text.replaceAll(' ', ''))
}

/**
 * Base64 in the alphabet of RFC 4648, section 4 or 5, with or without padding, with line breaks. Checked before it is
 * decoded: Node's decoder drops what it does not know.
 */
function parseBase64(text: string): Uint8Array {
  const packed = text
    .replaceAll(/[\r\n\t]+/g, '')
    .replaceAll('-', '+')
    .replaceAll('_', '/')
  const digits = packed.endsWith('=') ? packed.slice(0, packed.indexOf('=')) : packed
  const padding = packed.length - digits.length
  const isWhole = padding <= 2 && digits.length % 4 !== 1
  if (!isWhole || !/^[A-Za-z0-9+/]+$/.test(digits)) {
    throw new ConnectorError(
      'scep/malformed',
      `the message is no base64 (${text.length} characters)`,
    )
  }
  return new Uint8Array(Buffer.from(digits, 'base64'))
}
