import type { Secret } from '../../kernel/index.ts'
import {
  bits,
  embed,
  encodeAsn1,
  integer,
  objectId,
  printable,
  sequence,
  setOf,
  tagged,
  utf8,
} from './asn1.ts'
import { signatureAlgorithmOf, signStructure, spkiOf } from './device-keys.ts'
import { encodeDistinguishedName } from './distinguished-name.ts'
import { OID } from './object-ids.ts'
import { encodeRequestedExtensions, type RequestedExtensions } from './requested-extensions.ts'
import type { DeviceKeys } from './types.ts'

/** What a PKCS #10 says. */
export interface SigningRequest extends RequestedExtensions {
  readonly keys: Pick<DeviceKeys, 'publicKey' | 'privateKey'>
  /** RFC 4514 text, most specific first. */
  readonly subject: string
  /** Left out of a renewal that is authorised by its signature alone. */
  readonly challenge: Secret | undefined
}

/**
 * DER of a signed PKCS #10 (RFC 2986). The challengePassword is a PrintableString where its alphabet allows, as
 * Windows writes it, and a UTF8String otherwise; the 255-character bound of PKCS #9 is not kept, as Intune's challenges
 * are far longer.
 *
 * @throws ConnectorError `config/invalid` subject, name or usage that cannot be encoded
 */
export function encodeSigningRequest(wanted: SigningRequest): Uint8Array {
  const attributes = []
  if (wanted.challenge !== undefined) {
    const text = wanted.challenge.reveal()
    const value = /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text) ? printable(text) : utf8(text)
    attributes.push(sequence(objectId(OID.challengePassword), setOf(value)))
  }
  const extensions = encodeRequestedExtensions(wanted)
  if (extensions.length > 0) {
    attributes.push(sequence(objectId(OID.extensionRequest), setOf(sequence(...extensions))))
  }
  const information = sequence(
    integer(0),
    embed(encodeDistinguishedName(wanted.subject)),
    embed(spkiOf(wanted.keys.publicKey)),
    tagged(0, ...attributes),
  )
  const { privateKey } = wanted.keys
  const signature = signStructure(encodeAsn1(information), privateKey)
  return encodeAsn1(sequence(information, signatureAlgorithmOf(privateKey), bits(signature)))
}
