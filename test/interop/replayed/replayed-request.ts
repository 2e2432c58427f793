import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { type OpenedReply, openReply } from '../../../src/cli/enrolment-client/index.ts'
import { parseCertificates } from '../../../src/pki/index.ts'
import {
  type CertificateShape,
  commonName,
  createRsaKeys,
  type EnvelopeShape,
  encodeTestRequest,
  issueTestCertificate,
  type MessageShape,
  octetString,
  printable,
  type SigningRequestShape,
  sealEnvelope,
  sealMessage,
  spkiOf,
  type TestKeys,
} from '../../support/scep-messages/index.ts'
import { exchange, type RawReply } from '../../unit/http/raw-http.ts'

/** What a client writes on the wire, octet for octet; the body follows the head. */
export interface ReplayedHttp {
  /** Without line ends: request line first. */
  readonly head: readonly string[]
  readonly body?: Uint8Array
}

/** Sends it and reads the answer. */
export async function send(port: number, { head, body }: ReplayedHttp): Promise<RawReply> {
  const length = body === undefined ? [] : [`Content-Length: ${body.length}`]
  const text = [...head, ...length, '', ''].join('\r\n')
  return await exchange(port, Buffer.concat([Buffer.from(text, 'latin1'), body ?? Buffer.alloc(0)]))
}

/** The lines of GetCACaps, read as strict clients do. */
export function readCapabilities(reply: RawReply): readonly string[] {
  assert.equal(reply.status, 200)
  assert.equal(reply.headers['content-type'], 'text/plain')
  const lines = reply.body.toString('latin1').split('\n')
  assert.equal(lines.pop(), '', 'the last line has its end')
  assert.ok(lines.every((line) => /^[A-Za-z0-9-]+$/.test(line)))
  return lines
}

/** RA, issuing CA and root, as GetCACert has them. */
export interface ReadChain {
  readonly ra: X509Certificate
  readonly issuing: X509Certificate
  readonly root: X509Certificate
}

/** The chain of GetCACert; media type and length are what sscep and certmonger insist on. */
export function readChain(reply: RawReply): ReadChain {
  assert.equal(reply.status, 200)
  assert.equal(reply.headers['content-type'], 'application/x-x509-ca-ra-cert')
  assert.equal(Number(reply.headers['content-length']), reply.body.length)
  const [ra, issuing, root, ...more] = parseCertificates(reply.body).map(
    (der) => new X509Certificate(der),
  )
  assert.ok(ra !== undefined && issuing !== undefined && root !== undefined)
  assert.equal(more.length, 0)
  assert.ok(ra.verify(issuing.publicKey) && issuing.verify(root.publicKey))
  return { ra, issuing, root }
}

/** How a client writes its message. What is absent is as RFC 8894 says. */
export interface ReplayedMessage {
  readonly challenge: Uint8Array
  readonly subject: Uint8Array
  readonly transactionId: string
  readonly csr?: Partial<SigningRequestShape>
  readonly signer?: Partial<CertificateShape>
  /** Signs with a certificate that it has, in place of one made for the occasion. */
  readonly signedBy?: MessageShape['signer']
  readonly envelope?: Partial<EnvelopeShape>
  readonly message?: Partial<MessageShape>
  readonly nonce?: Uint8Array
}

/** A message that is ready, with what is needed to open its answer. */
export interface ReadyMessage {
  readonly messageDer: Uint8Array
  readonly signer: MessageShape['signer']
  readonly nonce: Uint8Array
  readonly transactionId: string
  readonly subject: Uint8Array
  readonly spkiDer: Uint8Array
}

let keys: TestKeys | undefined

/** The key of the devices here. They share it: a key takes longer to make than all else in a story. */
export function deviceKeys(): TestKeys {
  keys ??= createRsaKeys()
  return keys
}

/** Transaction number as clients make it of a key: its digest in hexadecimal. */
export function keyDigest(hash: 'md5' | 'sha1'): string {
  return createHash(hash).update(spkiOf(deviceKeys().publicKey)).digest('hex')
}

/** Builds a PKCSReq to the RA of the chain. */
export function buildMessage({ ra }: ReadChain, shape: ReplayedMessage): ReadyMessage {
  const device = deviceKeys()
  const nonce =
    shape.nonce ?? createHash('sha256').update(shape.transactionId).digest().subarray(16)
  const csrKeys = shape.csr?.keys ?? device
  const signer = shape.signedBy ?? {
    privateKey: device.privateKey,
    certificateDer: issueTestCertificate({
      subject: commonName('SCEP SIGNER'),
      publicKey: device.publicKey,
      signingKey: device.privateKey,
      ...shape.signer,
    }),
  }
  const content = sealEnvelope({
    content: encodeTestRequest({
      keys: device,
      challenge: shape.challenge,
      subject: shape.subject,
      ...shape.csr,
    }),
    recipients: [{ certificateDer: ra.raw }],
    ...shape.envelope,
  })
  const messageDer = sealMessage({
    content,
    signer,
    transactionId: printable(shape.transactionId),
    senderNonce: octetString(nonce),
    signingTime: new Date(),
    ...shape.message,
  })
  const { transactionId, subject } = shape
  return { messageDer, signer, nonce, transactionId, subject, spkiDer: spkiOf(csrKeys.publicKey) }
}

/** A SUCCESS that was opened, and the certificate in it. */
export type CheckedReply = Extract<OpenedReply, { kind: 'issued' }> & {
  readonly certificate: X509Certificate
}

/**
 * Opens the answer to a message: HTTP 200 with the bare media type, signed by the RA, for this transaction and nonce, with a
 * nonce of its own; inside one certificate, the device's, with its key and subject, that verifies up to the root.
 */
export function checkReply(reply: RawReply, chain: ReadChain, sent: ReadyMessage): CheckedReply {
  assert.equal(reply.status, 200)
  assert.equal(reply.headers['content-type'], 'application/x-pki-message')
  assert.equal(Number(reply.headers['content-length']), reply.body.length)
  assert.equal(reply.headers['transfer-encoding'], undefined)
  const opened = openReply(reply.body, {
    raCertificatesDer: [chain.ra.raw],
    transactionId: sent.transactionId,
    senderNonce: sent.nonce,
    signer: sent.signer,
  })
  assert.equal(opened.kind, 'issued', opened.kind === 'refused' ? opened.text : undefined)
  if (opened.kind !== 'issued') throw new Error('unreachable')
  assert.equal(opened.attributes.senderNonce?.length, sent.nonce.length)
  assert.equal(opened.certificatesDer.length, 1, 'the certificate of the device and no other')
  const certificate = new X509Certificate(opened.certificatesDer[0] ?? Buffer.alloc(0))
  const spkiDer = certificate.publicKey.export({ type: 'spki', format: 'der' })
  assert.ok(spkiDer.equals(sent.spkiDer), 'it certifies the key of the request')
  assert.ok(
    certificate.raw.includes(Buffer.from(sent.subject)),
    'it has the subject of the request',
  )
  assert.ok(certificate.checkIssued(chain.issuing) && certificate.verify(chain.issuing.publicKey))
  assert.ok(chain.issuing.checkIssued(chain.root) && chain.root.verify(chain.root.publicKey))
  return { ...opened, certificate }
}
