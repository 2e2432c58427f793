import assert from 'node:assert/strict'
import { fromBER, ObjectIdentifier, OctetString, Sequence, Set as SetOf } from 'asn1js'

/** The parts that a certificate takes over from its request, as the bytes that stand there. */
export interface CertifiedParts {
  readonly subjectDer: Buffer
  readonly spkiDer: Buffer
  /** Value of the subjectAltName extension; undefined when there is none. */
  readonly sanDer: Buffer | undefined
}

const SUBJECT_ALT_NAME = '2.5.29.17'
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14'

/** Parts of a PKCS #10, cut out by asn1js without writing anything anew. */
export function partsOfRequest(csrDer: Uint8Array): CertifiedParts {
  const [, subject, spki, attributes] = childrenOf(childrenOf(parse(csrDer))[0])
  const requested = childrenOf(attributes).find(
    (attribute) => oidOf(childrenOf(attribute)[0]) === EXTENSION_REQUEST,
  )
  const extensions = requested && childrenOf(childrenOf(requested)[1])[0]
  return {
    subjectDer: bytesOf(subject),
    spkiDer: bytesOf(spki),
    sanDer: extensions && findSan(childrenOf(extensions)),
  }
}

/** Parts of a version 3 certificate. */
export function partsOfCertificate(certificateDer: Uint8Array): CertifiedParts {
  const fields = childrenOf(childrenOf(parse(certificateDer))[0])
  // [0] version, serial, signature, issuer, validity, subject, key, [3] extensions
  const extensions = childrenOf(fields.at(-1))[0]
  return {
    subjectDer: bytesOf(fields[5]),
    spkiDer: bytesOf(fields[6]),
    sanDer: findSan(childrenOf(extensions)),
  }
}

type Node = ReturnType<typeof fromBER>['result']

function parse(der: Uint8Array): Node {
  const { offset, result } = fromBER(der)
  assert.equal(offset, der.length, `asn1js: ${result.error}`)
  return result
}

function childrenOf(node: Node | undefined): Node[] {
  if (node instanceof Sequence || node instanceof SetOf) return node.valueBlock.value
  const { value } = (node?.valueBlock ?? {}) as { value?: unknown }
  assert.ok(Array.isArray(value), 'a constructed value is there')
  return value as Node[]
}

function oidOf(node: Node | undefined): string {
  return node instanceof ObjectIdentifier ? node.getValue() : ''
}

function bytesOf(node: Node | undefined): Buffer {
  assert.ok(node !== undefined)
  return Buffer.from(node.valueBeforeDecodeView)
}

function findSan(extensions: readonly Node[]): Buffer | undefined {
  const found = extensions.find((one) => oidOf(childrenOf(one)[0]) === SUBJECT_ALT_NAME)
  if (found === undefined) return undefined
  const value = childrenOf(found).at(-1)
  assert.ok(value instanceof OctetString)
  return Buffer.from(value.valueBlock.valueHexView)
}
