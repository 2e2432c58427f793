/**
 * Writes BER for tests: small, without checks, able to write what a strict encoder never would. Independent of
 * `src/pki`, so that an error there does not repeat itself here.
 */

/** An element from its identifier octet, with definite length. */
export function element(tag: number, ...pieces: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(pieces)
  return Buffer.concat([Buffer.of(tag), lengthOf(body.length), body])
}

/** An element with indefinite length; `tag` is constructed. */
export function indefinite(tag: number, ...pieces: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([Buffer.of(tag, 0x80), ...pieces, Buffer.of(0, 0)])
}

/** How a message is encoded: everything with definite lengths, or all that CMS frames with indefinite ones. */
export interface BerStyle {
  readonly constructed: (tag: number, ...pieces: readonly Uint8Array[]) => Uint8Array
  /** An OCTET STRING under this tag (0x04, or 0x80 for [0] IMPLICIT). */
  readonly octets: (bytes: Uint8Array, tag?: number) => Uint8Array
}

export const der: BerStyle = {
  constructed: element,
  octets: (bytes, tag = 0x04) => element(tag, bytes),
}

/** Indefinite lengths, and strings cut into chunks as Java and Apple clients write them (Annex D, REQ-65). */
export function ber(chunkBytes: number): BerStyle {
  const octets = (bytes: Uint8Array, tag = 0x04) => {
    const chunks: Uint8Array[] = []
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      chunks.push(element(0x04, bytes.subarray(at, at + chunkBytes)))
    }
    return indefinite(tag | 0x20, ...chunks)
  }
  return { constructed: indefinite, octets }
}

/** Definite lengths that take four octets where fewer would do (REQ-65). */
export const longLengths: BerStyle = {
  constructed: (tag, ...pieces) => {
    const body = Buffer.concat(pieces)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(body.length)
    return Buffer.concat([Buffer.of(tag, 0x84), length, body])
  },
  octets: (bytes, tag = 0x04) => longLengths.constructed(tag, bytes),
}

/** Constructed strings inside constructed strings. */
export const nestedChunks: BerStyle = {
  constructed: indefinite,
  octets: (bytes, tag = 0x04) => {
    const half = Math.floor(bytes.length / 2)
    const inner = ber(100)
    return indefinite(
      tag | 0x20,
      inner.octets(bytes.subarray(0, half)),
      inner.octets(bytes.subarray(half)),
    )
  },
}

export const sequence = (...pieces: readonly Uint8Array[]) => element(0x30, ...pieces)
export const setInOrder = (...pieces: readonly Uint8Array[]) => element(0x31, ...pieces)
export const octetString = (bytes: Uint8Array) => element(0x04, bytes)
export const bitString = (bytes: Uint8Array) => element(0x03, Buffer.of(0), bytes)
export const nothing = () => element(0x05)
export const explicit = (tagNumber: number, ...pieces: readonly Uint8Array[]) =>
  element(0xa0 | tagNumber, ...pieces)
export const printable = (text: string) => element(0x13, Buffer.from(text, 'latin1'))
export const utf8 = (text: string) => element(0x0c, Buffer.from(text, 'utf8'))
export const ia5 = (text: string) => element(0x16, Buffer.from(text, 'latin1'))
export const t61 = (text: string) => element(0x14, Buffer.from(text, 'latin1'))
export const bmp = (text: string) => element(0x1e, Buffer.from(text, 'utf16le').swap16())
export const visible = (text: string) => element(0x1a, Buffer.from(text, 'latin1'))

/** UniversalString: four octets a character. */
export function universal(text: string): Uint8Array {
  const octets = Buffer.alloc(text.length * 4)
  for (let at = 0; at < text.length; at += 1) octets.writeUInt32BE(text.charCodeAt(at), at * 4)
  return element(0x1c, octets)
}

/** INTEGER with exactly these content octets, minimal or not. */
export const integerOctets = (...octets: readonly number[]) => element(0x02, Buffer.from(octets))

/** Small non-negative INTEGER. */
export const integer = (value: number) => integerOctets(value)

export function sortedSet(...pieces: readonly Uint8Array[]): Uint8Array {
  return setInOrder(...sortEncodings(pieces))
}

export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const octets = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc % 128]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      groups.unshift(0x80 | (left % 128))
    }
    return groups
  })
  return element(0x06, Buffer.from(octets))
}

/** UTCTime in Zulu. */
export function utcTime(date: Date): Uint8Array {
  const digits = date.toISOString().replaceAll(/\D/g, '').slice(2, 14)
  return element(0x17, Buffer.from(`${digits}Z`, 'latin1'))
}

/** Name with one attribute an RDN, in the order written: `[['2.5.4.3', printable('x')]]`. */
export function name(
  ...attributes: readonly (readonly [type: string, value: Uint8Array])[]
): Uint8Array {
  return sequence(...attributes.map(([type, value]) => setInOrder(sequence(oid(type), value))))
}

/** Name with a commonName alone. */
export const commonName = (text: string) => name(['2.5.4.3', utf8(text)])

function lengthOf(length: number): Uint8Array {
  if (length < 0x80) return Buffer.of(length)
  const octets: number[] = []
  for (let left = length; left > 0; left = Math.floor(left / 256)) octets.unshift(left % 256)
  return Buffer.of(0x80 | octets.length, ...octets)
}

/** Encodings in the order of a DER SET OF. */
export function sortEncodings(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  return pieces.toSorted((a, b) => Buffer.compare(a, b))
}
