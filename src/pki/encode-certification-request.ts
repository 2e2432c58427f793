import { createPublicKey, type KeyObject } from 'node:crypto'
import {
  encodeBitString,
  encodeContext,
  encodeInteger,
  encodeOid,
  encodeSequence,
  encodeSetOf,
} from './der-writer.ts'
import { encodeExtensions } from './extensions.ts'
import { OID } from './oids.ts'
import { signatureAlgorithmFor, signWith } from './signatures.ts'
import type { Extension } from './types.ts'

/**
 * Makes a PKCS #10, signed with the key that it names. The extensions go into one extensionRequest.
 *
 * @throws ConnectorError `pki/unsupported-algorithm`
 * @see RFC 2986, section 4
 */
export function encodeCertificationRequest(
  subjectDer: Uint8Array,
  extensions: readonly Extension[],
  key: KeyObject,
): Uint8Array {
  const spkiDer = new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }))
  const attribute = encodeSequence(
    encodeOid(OID.extensionRequest),
    encodeSetOf(encodeExtensions(extensions)),
  )
  const info = encodeSequence(
    encodeInteger(0),
    subjectDer,
    spkiDer,
    extensions.length === 0 ? encodeContext(0) : encodeContext(0, attribute),
  )
  const { algorithmDer } = signatureAlgorithmFor(key)
  return encodeSequence(info, algorithmDer, encodeBitString(signWith(key, info)))
}
