import { createHash, randomBytes } from 'node:crypto'
import {
  buildRequest,
  createDeviceKeys,
  createSigner,
  encodeSigningRequest,
  openReply,
  parseCaCertificates,
} from '../../src/cli/enrolment-client/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { parseCertificate } from '../../src/pki/index.ts'
import {
  commonName,
  octetString,
  printable,
  sealEnvelope,
  sealMessage,
  sequence,
} from './scep-messages/index.ts'

/** What an insistent device got: its certificate or the words of a refusal. */
export type InsistentAnswer =
  | { readonly kind: 'issued'; readonly certificateHex: string }
  | { readonly kind: 'refused'; readonly text: string | undefined }
  | { readonly kind: 'pending' }
  | { readonly kind: 'busy'; readonly status: number }

/** A device that sends one and the same request as often as it likes, each time with a fresh nonce. */
export interface InsistentDevice {
  readonly transactionId: string
  /** Sends it; the reply is checked against the nonce of this very sending. */
  send(url: string): Promise<InsistentAnswer>
  /** Asks by a CertPoll what became of it, as sscep and strongSwan do: with the RA's name as that of the issuer. */
  poll(url: string): Promise<InsistentAnswer>
}

/** Makes a device: keys, CSR and signer, once. `url` tells to whom it encrypts. */
export async function createInsistentDevice(
  url: string,
  challenge: string,
  subject = 'CN=insistent device',
  sans: Parameters<typeof encodeSigningRequest>[0]['sans'] = [],
): Promise<InsistentDevice> {
  const ca = await fetch(`${url}?operation=GetCACert`)
  const authorities = parseCaCertificates(
    new Uint8Array(await ca.arrayBuffer()),
    ca.headers.get('content-type') ?? '',
    undefined,
    new Date(),
  )
  const keys = await createDeviceKeys({ key: 'rsa2048' })
  const signer = createSigner(keys.privateKey, subject, new Date())
  const csrDer = encodeSigningRequest({
    keys,
    subject,
    sans,
    ekus: [],
    keyUsage: [],
    challenge: new Secret(challenge),
  })
  const transactionId = createHash('sha256').update(csrDer).digest('hex')

  async function exchange(
    to: string,
    senderNonce: Uint8Array,
    messageDer: Uint8Array,
  ): Promise<InsistentAnswer> {
    const answer = await fetch(`${to}?operation=PKIOperation`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-pki-message' },
      body: Uint8Array.from(messageDer),
    })
    const body = new Uint8Array(await answer.arrayBuffer())
    if (!answer.ok) return { kind: 'busy', status: answer.status }
    const reply = openReply(body, {
      raCertificatesDer: authorities.signers.map(({ der }) => der),
      transactionId,
      senderNonce,
      signer,
    })
    if (reply.kind === 'refused') return { kind: 'refused', text: reply.text }
    if (reply.kind === 'pending') return { kind: 'pending' }
    return {
      kind: 'issued',
      certificateHex: Buffer.from(reply.certificatesDer[0] ?? []).toString('hex'),
    }
  }

  return {
    transactionId,
    async poll(to) {
      const senderNonce = randomBytes(16)
      const raName = parseCertificate(authorities.recipient.der).subjectDer
      const content = sealEnvelope({
        content: sequence(raName, commonName('insistent device')),
        recipients: [{ certificateDer: authorities.recipient.der }],
      })
      const messageDer = sealMessage({
        content,
        signer,
        messageType: printable('20'),
        transactionId: printable(transactionId),
        senderNonce: octetString(senderNonce),
      })
      return await exchange(to, senderNonce, messageDer)
    },
    async send(to) {
      const senderNonce = randomBytes(16)
      const messageDer = buildRequest({
        messageType: 'PKCSReq',
        csrDer,
        signer,
        recipientCertificateDer: authorities.recipient.der,
        digest: 'sha256',
        cipher: 'aes-256-cbc',
        keyTransport: 'pkcs1',
        transactionId,
        senderNonce,
        signingTime: new Date(),
      })
      return await exchange(to, senderNonce, messageDer)
    },
  }
}
