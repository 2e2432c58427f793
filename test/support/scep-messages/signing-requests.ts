import type { KeyObject } from 'node:crypto'
import {
  type BerStyle,
  bitString,
  bmp,
  commonName,
  der,
  explicit,
  integer,
  octetString,
  oid,
  printable,
  sequence,
  setInOrder,
} from './ber.ts'
import { extension, signatureAlgorithm, signBytes, spkiOf } from './certificates.ts'
import type { TestKeys } from './test-authority.ts'

/** Where the extensions of a CSR stand (REQ-112). */
export const EXTENSION_REQUESTS = {
  pkcs9: '1.2.840.113549.1.9.14',
  microsoft: '1.3.6.1.4.1.311.2.1.14',
  veriSign: '2.16.840.1.113733.1.9.8',
} as const

/** What a PKCS #10 for tests says. */
export interface SigningRequestShape {
  readonly keys: TestKeys
  readonly subject?: Uint8Array
  /** The whole string element; absent: no challengePassword. */
  readonly challenge?: Uint8Array
  readonly extensionRequest?: keyof typeof EXTENSION_REQUESTS
  readonly extensions?: readonly Uint8Array[]
  /** Further attributes, whole. */
  readonly attributes?: readonly Uint8Array[]
  /** Signs with another key: no proof of possession. */
  readonly signingKey?: KeyObject
  /** How the outermost SEQUENCE is encoded. Default DER. */
  readonly style?: BerStyle
  /** Octets after the PKCS #10 (REQ-104). */
  readonly trailing?: Uint8Array
}

/** The names that requests of this folder ask for, unless they say otherwise. */
export const TEST_SAN = sequence(
  Buffer.from('820b6465766963652e74657374', 'hex'),
  Buffer.concat([
    Buffer.of(0x86, 35),
    Buffer.from('IntuneDeviceId://0123456789abcdef01', 'latin1'),
  ]),
)

export function encodeTestRequest(shape: SigningRequestShape): Uint8Array {
  const { keys } = shape
  const extensions = shape.extensions ?? [
    extension('2.5.29.17', TEST_SAN),
    extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.2'))),
  ]
  const asked = attribute(
    EXTENSION_REQUESTS[shape.extensionRequest ?? 'pkcs9'],
    sequence(...extensions),
  )
  const challenge = shape.challenge
  const information = sequence(
    integer(0),
    shape.subject ?? commonName('device 1'),
    spkiOf(keys.publicKey),
    explicit(
      0,
      ...(challenge === undefined ? [] : [attribute('1.2.840.113549.1.9.7', challenge)]),
      ...(extensions.length === 0 ? [] : [asked]),
      ...(shape.attributes ?? []),
    ),
  )
  const key = shape.signingKey ?? keys.privateKey
  const request = (shape.style ?? der).constructed(
    0x30,
    information,
    signatureAlgorithm(key, 'sha256'),
    bitString(signBytes(information, key, 'sha256')),
  )
  return Buffer.concat([request, shape.trailing ?? Buffer.alloc(0)])
}

/** An attribute with one value. */
export function attribute(type: string, value: Uint8Array): Uint8Array {
  return sequence(oid(type), setInOrder(value))
}

/** Microsoft's enrolment name/value pair (REQ-116). */
export function nameValuePair(key: string, value: string): Uint8Array {
  return attribute('1.3.6.1.4.1.311.13.2.1', sequence(bmp(key), bmp(value)))
}

/** The attributes that Windows adds besides: OS version, client info, CSP. Servers ignore them. */
export function windowsAttributes(): readonly Uint8Array[] {
  return [
    attribute('1.3.6.1.4.1.311.13.2.3', printable('10.0.26100.2')),
    attribute('1.3.6.1.4.1.311.21.20', sequence(integer(9), printable('host'), printable('user'))),
    attribute(
      '1.3.6.1.4.1.311.13.2.2',
      sequence(
        integer(1),
        bmp('Microsoft Software Key Storage Provider'),
        octetString(Buffer.alloc(0)),
      ),
    ),
  ]
}
