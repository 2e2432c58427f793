import { randomBytes } from 'node:crypto'
import {
  type AuthorityGeneration,
  generateSerial,
  getIssuerMaterial,
  issueCertificate,
  prepareIssuer,
} from '../src/ca/index.ts'
import { demonstrationConfiguration } from '../src/config/index.ts'
import { checkCertificatePolicy } from '../src/connector/index.ts'
import { openRequest, prepareRaKeyRing, sealReply } from '../src/scep/index.ts'

/**
 * The handler: opens a request, decides what is signed, signs the certificate and seals the reply, on this thread and
 * with nothing around it. That is what the worker threads of the server do, and the policy.
 *
 * @returns handles one message; the DER of the CertRep
 */
export function createHandler(
  authority: AuthorityGeneration,
): (messageDer: Uint8Array) => Uint8Array {
  const ring = prepareRaKeyRing(authority.ras.map((ra) => ({ ...ra, issuersDer: [] })))
  const issuer = prepareIssuer(
    getIssuerMaterial(authority, 'default', {
      caIssuersUrl: 'http://127.0.0.1:8080/aia/default.cer',
      crlUrl: 'http://127.0.0.1:8080/crl/default.crl',
    }),
  )
  const profile = demonstrationConfiguration('/').profiles.find(({ name }) => name === 'static')
  if (profile === undefined) throw new TypeError('the demonstration has no static profile')
  const { scep, certificate } = profile

  return (messageDer) => {
    const now = new Date()
    const opened = openRequest(messageDer, ring, scep, now)
    if (opened.kind === 'refused') throw new Error(`refused: ${opened.refusal.text}`)
    if (opened.kind === 'asked') throw new TypeError('a query among the requests')
    const { csr, frame } = opened.request
    const verdict = checkCertificatePolicy(csr, certificate, now)
    if (verdict.kind === 'refused') throw new Error(`refused: ${verdict.reason}`)
    const order = { ...verdict.order, serialHex: generateSerial(randomBytes) }
    const certificateDer = issueCertificate(order, issuer)
    return sealReply(frame, { status: 'SUCCESS', certificateDer, chainDer: [] }, ring, scep, {
      now,
      random: randomBytes,
    })
  }
}
