import { createPrivateKey, type KeyObject, webcrypto } from 'node:crypto'
import { Integer, OctetString, PrintableString } from 'asn1js'
import {
  AltName,
  AttributeTypeAndValue,
  BasicConstraints,
  Certificate,
  CryptoEngine,
  Extension,
  GeneralName,
  setEngine,
} from 'pkijs'

/** A self-signed certificate with its key, made for one test run. */
export interface ThrowawayIdentity {
  readonly certificatePem: string
  readonly privateKey: KeyObject
  readonly privateKeyPem: string
}

const ALGORITHMS = {
  ec: { name: 'ECDSA', namedCurve: 'P-256' },
  rsa: {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  },
}

/** Makes a certificate for 127.0.0.1 and localhost that is its own CA; for TLS servers and client assertions in tests. */
export async function makeThrowawayIdentity(kind: 'ec' | 'rsa' = 'ec'): Promise<ThrowawayIdentity> {
  setEngine('node', new CryptoEngine({ name: 'node', crypto: globalThis.crypto }))
  const keys = await webcrypto.subtle.generateKey(ALGORITHMS[kind], true, ['sign', 'verify'])
  const certificate = new Certificate({ version: 2, serialNumber: new Integer({ value: 17 }) })
  for (const name of [certificate.subject, certificate.issuer]) {
    name.typesAndValues.push(
      new AttributeTypeAndValue({
        type: '2.5.4.3',
        value: new PrintableString({ value: 'throwaway' }),
      }),
    )
  }
  certificate.notBefore.value = new Date(Date.now() - 3_600_000)
  certificate.notAfter.value = new Date(Date.now() + 86_400_000)
  const names = new AltName({
    altNames: [
      new GeneralName({
        type: 7,
        value: new OctetString({ valueHex: new Uint8Array([127, 0, 0, 1]).buffer }),
      }),
      new GeneralName({ type: 2, value: 'localhost' }),
    ],
  })
  const constraints = new BasicConstraints({ cA: true })
  certificate.extensions = [
    new Extension({
      extnID: '2.5.29.19',
      critical: true,
      extnValue: constraints.toSchema().toBER(),
      parsedValue: constraints,
    }),
    new Extension({ extnID: '2.5.29.17', extnValue: names.toSchema().toBER(), parsedValue: names }),
  ]
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey)
  await certificate.sign(keys.privateKey, 'SHA-256')
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  const der = Buffer.from(certificate.toSchema(true).toBER(false))
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n').trimEnd()
  return {
    certificatePem: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    privateKey,
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}
