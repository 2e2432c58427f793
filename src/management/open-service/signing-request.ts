import { createPublicKey, type KeyObject, webcrypto } from 'node:crypto'
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'

const COMMON_NAME = '2.5.4.3'

/** The two key pairs of a connector: one is recognised, the other is encrypted to. */
export type AgentKeyUse = 'agent' | 'encryption'

const algorithms = {
  agent: { name: 'ECDSA', namedCurve: 'P-256' },
  encryption: {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 3072,
    publicExponent: new Uint8Array([1, 0, 1]),
  },
} as const

/** A new key pair as PKCS #8: P-256 for TLS, RSA-3072 for key transport. */
export async function generateAgentKey(use: AgentKeyUse): Promise<Uint8Array> {
  const { privateKey } = await webcrypto.subtle.generateKey(algorithms[use], true, [
    'sign',
    'verify',
  ])
  return new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', privateKey))
}

/**
 * A PKCS #10 that proves possession of the key. The name is a wish: the service decides what the certificate says.
 *
 * @returns PEM
 * @see RFC 2986
 */
export async function createSigningRequest(
  use: AgentKeyUse,
  key: KeyObject,
  commonName: string,
): Promise<string> {
  const importKey = async (format: 'pkcs8' | 'spki', der: Buffer, usage: 'sign' | 'verify') =>
    await webcrypto.subtle.importKey(format, new Uint8Array(der), algorithms[use], true, [usage])
  const privateDer = key.export({ type: 'pkcs8', format: 'der' })
  const publicDer = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const request = new pkijs.CertificationRequest()
  request.subject.typesAndValues.push(
    new pkijs.AttributeTypeAndValue({
      type: COMMON_NAME,
      value: new asn1js.Utf8String({ value: commonName }),
    }),
  )
  await request.subjectPublicKeyInfo.importKey(await importKey('spki', publicDer, 'verify'))
  await request.sign(await importKey('pkcs8', privateDer, 'sign'), 'SHA-256')
  const lines =
    Buffer.from(request.toSchema(true).toBER())
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join('\n')}\n-----END CERTIFICATE REQUEST-----\n`
}
