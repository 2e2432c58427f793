import * as asn1js from 'asn1js'
import { ConnectorError } from '../../kernel/index.ts'

/** A piece of ASN.1 that can be put into another one. */
export type Asn1 = asn1js.BaseBlock

/** SEQUENCE of the pieces, in this order. */
export function sequence(...value: Asn1[]): Asn1 {
  return new asn1js.Sequence({ value })
}

/** SET OF, in the order that DER demands (X.690, section 11.6): by encoding, ascending. */
export function setOf(...value: Asn1[]): Asn1 {
  const sorted = value
    .map((piece) => ({ piece, der: encodeAsn1(piece) }))
    .sort((a, b) => Buffer.compare(a.der, b.der))
  return new asn1js.Set({ value: sorted.map((entry) => entry.piece) })
}

/** SET OF as the value octets of an IMPLICIT context tag. */
export function implicitSetOf(tagNumber: number, ...value: Asn1[]): Asn1 {
  const set = setOf(...value) as asn1js.Set
  return new asn1js.Constructed({
    idBlock: { tagClass: 3, tagNumber },
    value: set.valueBlock.value,
  })
}

/** Constructed context tag around the pieces: EXPLICIT of one, or IMPLICIT SEQUENCE or SET of several, unsorted. */
export function tagged(tagNumber: number, ...value: Asn1[]): Asn1 {
  return new asn1js.Constructed({ idBlock: { tagClass: 3, tagNumber }, value })
}

/** Primitive context tag with these octets. */
export function implicitOctets(tagNumber: number, bytes: Uint8Array): Asn1 {
  return new asn1js.Primitive({ idBlock: { tagClass: 3, tagNumber }, valueHex: ownBuffer(bytes) })
}

/** OBJECT IDENTIFIER from its dotted text. */
export function objectId(dotted: string): Asn1 {
  return new asn1js.ObjectIdentifier({ value: dotted })
}

/** INTEGER. */
export function integer(value: number | bigint): Asn1 {
  return asn1js.Integer.fromBigInt(BigInt(value))
}

/** OCTET STRING, primitive. */
export function octets(bytes: Uint8Array): Asn1 {
  return new asn1js.OctetString({ valueHex: ownBuffer(bytes) })
}

/** BIT STRING; `unusedBits` of the last octet do not count. */
export function bits(bytes: Uint8Array, unusedBits = 0): Asn1 {
  return new asn1js.BitString({ valueHex: ownBuffer(bytes), unusedBits })
}

/** BOOLEAN TRUE. */
export function isTrue(): Asn1 {
  return new asn1js.Boolean({ value: true })
}

/** NULL. */
export function nothing(): Asn1 {
  return new asn1js.Null()
}

/** PrintableString. The caller keeps to its alphabet. */
export function printable(value: string): Asn1 {
  return new asn1js.PrintableString({ value })
}

/** UTF8String. */
export function utf8(value: string): Asn1 {
  return new asn1js.Utf8String({ value })
}

/** IA5String. The caller keeps to ASCII. */
export function ia5(value: string): Asn1 {
  return new asn1js.IA5String({ value })
}

/** UTCTime before 2050, GeneralizedTime from then on (RFC 5280, section 4.1.2.5). */
export function time(valueDate: Date): Asn1 {
  return valueDate.getUTCFullYear() < 2050
    ? new asn1js.UTCTime({ valueDate })
    : new asn1js.GeneralizedTime({ valueDate })
}

/** Puts existing DER inside another structure, octet for octet. */
export function embed(der: Uint8Array): Asn1 {
  return parseAsn1(der)
}

/** DER of a piece that was built from the functions above. */
export function encodeAsn1(piece: Asn1): Uint8Array {
  return new Uint8Array(piece.toBER())
}

/**
 * Reads one BER element that fills the bytes.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseAsn1(der: Uint8Array): Asn1 {
  const parsed = asn1js.fromBER(ownBuffer(der))
  if (parsed.offset === -1 || parsed.offset !== der.byteLength) {
    throw new ConnectorError(
      'pki/malformed',
      `not one ASN.1 element: ${parsed.result.error || 'octets follow it'}`,
    )
  }
  return parsed.result
}

/** The elements inside a constructed one; none for a primitive one. */
export function childrenOf(piece: Asn1): readonly Asn1[] {
  return piece instanceof asn1js.Constructed ? piece.valueBlock.value : []
}

/** The whole element as it was received, tag and length included. */
export function receivedDer(piece: Asn1): Uint8Array {
  return Uint8Array.from(piece.valueBeforeDecodeView)
}

function ownBuffer(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer
}
