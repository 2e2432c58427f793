import { ConnectorError, concatBytes } from '../kernel/index.ts'
import {
  type DerElement,
  findChild,
  OID,
  parseLeadingElement,
  parseOid,
  TAG,
} from '../pki/index.ts'

const ASTERISK = 0x2a

/**
 * A pkiMessage or CertRep without what is encrypted in it: same structure, attributes, certificates and lengths, zeros in
 * place of the encrypted content and of every encrypted key. Whoever has the RA key can read no challenge out of it, nor try
 * guesses: for that the content key would be needed, since the message digest is one of the ciphertext.
 *
 * Content that is no EnvelopedData becomes zeros altogether.
 *
 * @returns a copy; undefined when the bytes are no CMS ContentInfo in which content could be found
 * @see REQ-194
 */
export function redactMessage(message: Uint8Array): Uint8Array | undefined {
  const copy = Uint8Array.from(message)
  const signed = readOrUndefined(copy)
  if (signed?.tag !== TAG.sequence || signed.children[1]?.children[0] === undefined)
    return undefined
  copy.subarray(signed.der.length).fill(0)
  const encapsulated = signed.children[1].children[0].children[2]
  if (encapsulated?.tag !== TAG.sequence) return undefined
  const inside = encapsulated.children[1]?.children[0]
  // Some clients leave the OCTET STRING around the content out.
  if (inside?.tag === TAG.sequence) {
    eraseEnvelope(inside.der)
    return copy
  }
  const pieces = listPrimitives(inside).map(({ value }) => value)
  const content = concatBytes(...pieces)
  eraseEnvelope(content)
  let at = 0
  for (const piece of pieces) {
    piece.set(content.subarray(at, at + piece.length))
    at += piece.length
  }
  return copy
}

/**
 * A certification request with asterisks for the challenge, as many as it has octets, and zeros for the signature, which
 * would tell right guesses of the challenge from wrong ones.
 *
 * @throws ConnectorError `pki/malformed` the bytes are no PKCS #10
 */
export function redactCsr(csrDer: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(csrDer)
  const request = parseLeadingElement(copy)
  copy.subarray(request.der.length).fill(0)
  for (const attribute of request.children[0]?.children[3]?.children ?? []) {
    const [type, values] = attribute.children
    if (type?.tag !== TAG.oid || parseOid(type) !== OID.challengePassword) continue
    for (const text of values?.children ?? [])
      for (const { value } of listPrimitives(text)) fillWithAsterisks(value, widthOf(text.tag))
  }
  for (const { value } of listPrimitives(request.children[2])) value.subarray(1).fill(0)
  return copy
}

/** Octets of a character. */
function widthOf(tag: number): 1 | 2 | 4 {
  if (tag === TAG.bmpString) return 2
  return tag === TAG.universalString ? 4 : 1
}

function fillWithAsterisks(text: Uint8Array, width: number): void {
  text.fill(0)
  for (let at = width - 1; at < text.length; at += width) text[at] = ASTERISK
}

/** Writes zeros over the keys and the content of an EnvelopedData, or over everything where it is none. */
function eraseEnvelope(content: Uint8Array): void {
  const outermost = readOrUndefined(content)
  // Some clients leave the ContentInfo around it out, too (REQ-66).
  const isWrapped = outermost?.children[0]?.tag === TAG.oid
  const enveloped = isWrapped ? outermost.children[1]?.children[0] : outermost
  const recipients = enveloped === undefined ? undefined : findChild(enveloped, TAG.set)
  const encrypted = enveloped === undefined ? undefined : findChild(enveloped, TAG.sequence)
  if (outermost === undefined || recipients === undefined || encrypted === undefined) {
    content.fill(0)
    return
  }
  content.subarray(outermost.der.length).fill(0)
  // The encrypted key stands last in every kind of recipient.
  for (const recipient of recipients.children) erase(recipient.children.at(-1))
  for (const part of encrypted.children.slice(2)) erase(part)
}

function erase(element: DerElement | undefined): void {
  for (const { value } of listPrimitives(element)) value.fill(0)
}

/** Everything at the ends of the tree, in order. */
function listPrimitives(element: DerElement | undefined): readonly DerElement[] {
  if (element === undefined) return []
  return element.isConstructed ? element.children.flatMap(listPrimitives) : [element]
}

function readOrUndefined(bytes: Uint8Array): DerElement | undefined {
  try {
    return parseLeadingElement(bytes)
  } catch (error) {
    if (error instanceof ConnectorError && error.code === 'pki/malformed') return undefined
    throw error
  }
}
