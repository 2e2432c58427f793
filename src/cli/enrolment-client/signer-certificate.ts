import { createPublicKey, type KeyObject } from 'node:crypto'
import { bits, embed, encodeAsn1, integer, sequence, tagged, time } from './asn1.ts'
import { signatureAlgorithmOf, signStructure, spkiOf } from './device-keys.ts'
import { encodeDistinguishedName } from './distinguished-name.ts'
import { OID } from './object-ids.ts'
import { encodeKeyUsageBits, extension } from './requested-extensions.ts'
import type { RequestSigner } from './types.ts'

const HOUR_MS = 3_600_000

/**
 * A self-signed certificate for the first enrolment (RFC 8894, section 2.3): the request is signed with it and the
 * reply encrypted to it. Serial 1, valid from an hour ago for one day.
 *
 * @param privateKey RSA; for a device key of another kind, a key of its own
 * @param subject RFC 4514 text; by RFC the subject of the CSR, and never empty
 */
export function createSigner(privateKey: KeyObject, subject: string, now: Date): RequestSigner {
  const name = encodeDistinguishedName(subject === '' ? 'CN=SCEP Protocol Certificate' : subject)
  const algorithm = signatureAlgorithmOf(privateKey)
  const tbs = sequence(
    tagged(0, integer(2)),
    integer(1),
    algorithm,
    embed(name),
    sequence(time(new Date(now.getTime() - HOUR_MS)), time(new Date(now.getTime() + 24 * HOUR_MS))),
    embed(name),
    embed(spkiOf(createPublicKey(privateKey))),
    tagged(
      3,
      sequence(
        extension(OID.keyUsage, encodeKeyUsageBits(['digitalSignature', 'keyEncipherment']), true),
      ),
    ),
  )
  const signature = signStructure(encodeAsn1(tbs), privateKey)
  const certificateDer = encodeAsn1(sequence(tbs, algorithm, bits(signature)))
  return { certificateDer, privateKey }
}
