import { type DerElement, malformed, TAG } from './der-reader.ts'
import { parseOctets } from './der-values.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Text of any directory or character string type; T61String is read as ISO 8859-1, as its users meant it.
 *
 * @returns undefined when the type is no string or the octets do not fit it
 */
export function findText(element: DerElement): string | undefined {
  return findTextAs(element.tag & ~0x20, element)
}

/** The same for an implicitly tagged string, read as the type that `universalTag` names. */
export function findTextAs(universalTag: number, element: DerElement): string | undefined {
  const octets = element.isConstructed ? parseOctets(element, 'character string') : element.value
  switch (universalTag) {
    case TAG.printableString:
    case TAG.ia5String:
    case TAG.t61String:
    case TAG.visibleString:
      return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1')
    case TAG.utf8String:
      return decodeUtf8(octets)
    case TAG.bmpString:
      return decodeWide(octets, 2)
    case TAG.universalString:
      return decodeWide(octets, 4)
    default:
      return undefined
  }
}

/**
 * Like `findText`, for a field that must be text.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseText(element: DerElement, what: string): string {
  const text = findText(element)
  if (text === undefined) throw malformed(`${what} is no valid character string`)
  return text
}

function decodeUtf8(octets: Uint8Array): string | undefined {
  try {
    return utf8.decode(octets)
  } catch {
    return undefined
  }
}

function decodeWide(octets: Uint8Array, width: 2 | 4): string | undefined {
  if (octets.length % width !== 0) return undefined
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length)
  const units: string[] = []
  for (let at = 0; at < octets.length; at += width) {
    const code = width === 2 ? view.getUint16(at) : view.getUint32(at)
    if (code > 0x10_ffff) return undefined
    units.push(width === 2 ? String.fromCharCode(code) : String.fromCodePoint(code))
  }
  return units.join('')
}
