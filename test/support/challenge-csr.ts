import { PrintableString } from 'asn1js'
import {
  Attribute,
  AttributeTypeAndValue,
  CertificationRequest,
  CryptoEngine,
  setEngine,
} from 'pkijs'

const CHALLENGE_PASSWORD = '1.2.840.113549.1.9.7'

/** A signed PKCS #10 for `CN=<commonName>` with a P-256 key and, where given, a challengePassword. */
export async function makeChallengeCsr(
  commonName: string,
  challenge: string | undefined,
): Promise<Uint8Array> {
  setEngine('node', new CryptoEngine({ name: 'node', crypto: globalThis.crypto }))
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ])
  const csr = new CertificationRequest({ version: 0 })
  csr.subject.typesAndValues.push(
    new AttributeTypeAndValue({
      type: '2.5.4.3',
      value: new PrintableString({ value: commonName }),
    }),
  )
  await csr.subjectPublicKeyInfo.importKey(keys.publicKey)
  csr.attributes =
    challenge === undefined
      ? []
      : [
          new Attribute({
            type: CHALLENGE_PASSWORD,
            values: [new PrintableString({ value: challenge })],
          }),
        ]
  await csr.sign(keys.privateKey, 'SHA-256')
  return new Uint8Array(csr.toSchema(true).toBER(false))
}
