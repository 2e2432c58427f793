import { type CaCertificates, fingerprintsOf } from './ca-certificates.ts'
import type { ServerCapabilities } from './capabilities.ts'
import { holdsKey } from './device-keys.ts'
import type { OpenedReply } from './reply-message.ts'
import type { RequestMessage } from './request-message.ts'
import type { SigningRequest } from './signing-request.ts'
import type { DeviceKeys, EnrolmentStep, RequestSigner } from './types.ts'
import type { VerifiedCertificate } from './verify-issued-certificate.ts'

/** What GetCACaps said. */
export function describeCapabilities(capabilities: ServerCapabilities, url: string): EnrolmentStep {
  return {
    name: 'capabilities',
    title: 'Asked the server what it can do',
    facts: [
      ['server', url],
      ['capabilities', capabilities.keywords.join(' ') || '(none)'],
    ],
  }
}

/** What GetCACert said. */
export function describeAuthorities({ recipient, root }: CaCertificates): EnrolmentStep {
  return {
    name: 'ca-certificates',
    title: 'Received the CA certificates; they chain to the root',
    facts: [
      ['registration authority', recipient.subject],
      ['root', root.subject],
      ['root SHA-256', fingerprintsOf(root.der).sha256Hex],
    ],
  }
}

/** Which key will be certified, and who signs the request. */
export function describeKeys(
  keys: DeviceKeys,
  signer: RequestSigner,
  isRenewal: boolean,
): EnrolmentStep {
  const isOwn = holdsKey(signer.certificateDer, keys.privateKey)
  const own = isOwn ? 'self-signed with the device key' : 'self-signed with an RSA key of its own'
  return {
    name: 'device-key',
    title: 'Made the key and the signed request',
    facts: [
      ['key', keys.kind],
      ['signer', isRenewal ? 'the certificate being renewed' : own],
    ],
  }
}

/** What is about to be sent. The challenge by its length only. */
export function describeRequest(
  message: RequestMessage,
  asked: SigningRequest,
  method: 'GET' | 'POST',
  messageDer: Uint8Array,
): EnrolmentStep {
  return {
    name: 'request',
    title: `Sealed a ${message.messageType}, to be sent by ${method}`,
    facts: [
      ['transaction', message.transactionId],
      ['subject', asked.subject || '(empty)'],
      ['names', asked.sans.map((san) => `${san.kind}:${san.value}`).join(', ') || '(none)'],
      ['challenge', asked.challenge ? `${asked.challenge.length} characters` : '(none)'],
      ['algorithms', `${message.digest}, ${message.cipher}, ${message.keyTransport}`],
      ['size', `${messageDer.byteLength} octets`],
    ],
  }
}

/** What came back, before its certificate is looked at. */
export function describeReply(reply: OpenedReply, replyDer: Uint8Array): EnrolmentStep {
  const answers = { issued: 'SUCCESS', refused: 'FAILURE', pending: 'PENDING' } as const
  return {
    name: 'reply',
    title: `Received ${answers[reply.kind]}; signature, transaction and nonce hold`,
    facts: [
      ['size', `${replyDer.byteLength} octets`],
      ['digest', reply.digest],
      ...(reply.kind === 'issued'
        ? [['cipher', `${reply.cipher}, ${reply.keyTransport}`] as const]
        : []),
    ],
  }
}

/** What the device now has. */
export function describeCertificate({ certificate, chain }: VerifiedCertificate): EnrolmentStep {
  return {
    name: 'certificate',
    title: 'The certificate holds our key and the names we asked for, and chains to the root',
    facts: [
      ['subject', certificate.subject],
      ['names', certificate.x509.subjectAltName ?? '(none)'],
      ['issuer', chain[0]?.subject ?? '(none)'],
      ['serial', certificate.serialHex],
      ['valid until', certificate.x509.validToDate.toISOString()],
      ['thumbprint', fingerprintsOf(certificate.der).sha1Hex],
    ],
  }
}
