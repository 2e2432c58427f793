import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import * as pkijs from 'pkijs'
import { type Identity, issueIdentity } from '../x509.ts'

/** A certificate that signs challenges or that they are encrypted to, with its key ready for use. */
export interface ChallengeKey {
  readonly certificate: pkijs.Certificate
  readonly certificateDer: Uint8Array
  /** IssuerAndSerialNumber, by which CMS names the certificate. */
  readonly identifier: pkijs.IssuerAndSerialNumber
  readonly identifierDer: Uint8Array
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** The keys of one service. */
export interface ChallengeKeys {
  readonly signer: ChallengeKey
  readonly recipient: ChallengeKey
}

/** Makes both keys, RSA-2048, in memory only: a challenge does not outlive the simulator that minted it. */
export async function issueChallengeKeys(owner: string, now: Date): Promise<ChallengeKeys> {
  const [signer, recipient] = await Promise.all([
    issueIdentity({ commonName: `${owner} signing`, purpose: 'signing', key: 'rsa-2048', now }),
    issueIdentity({
      commonName: `${owner} encryption`,
      purpose: 'encryption',
      key: 'rsa-2048',
      now,
    }),
  ])
  return { signer: toChallengeKey(signer), recipient: toChallengeKey(recipient) }
}

function toChallengeKey(identity: Identity): ChallengeKey {
  const { certificate } = identity
  const identifier = new pkijs.IssuerAndSerialNumber({
    issuer: certificate.issuer,
    serialNumber: certificate.serialNumber,
  })
  return {
    certificate,
    identifier,
    identifierDer: new Uint8Array(identifier.toSchema().toBER()),
    certificateDer: identity.certificateDer,
    privateKey: createPrivateKey(identity.privateKeyPem),
    publicKey: createPublicKey(identity.certificatePem),
  }
}
