import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectorError, type Secret, toHex } from '../../kernel/index.ts'
import { type CaCertificates, fingerprintsOf, parseCaCertificates } from './ca-certificates.ts'
import { parseCapabilities, type ServerCapabilities } from './capabilities.ts'
import { createDeviceKeys, holdsKey, isRsa, spkiOf } from './device-keys.ts'
import {
  describeAuthorities,
  describeCapabilities,
  describeCertificate,
  describeKeys,
  describeReply,
  describeRequest,
} from './enrolment-steps.ts'
import { refusalError } from './refusal.ts'
import { type OpenedReply, openReply } from './reply-message.ts'
import { buildRequest } from './request-message.ts'
import type { RequestedExtensions } from './requested-extensions.ts'
import { getOperation, type ScepTransport, sendPkiOperation } from './scep-transport.ts'
import { createSigner } from './signer-certificate.ts'
import { encodeSigningRequest } from './signing-request.ts'
import type {
  DeviceKeyKind,
  DeviceKeys,
  EnrolmentStep,
  HttpFetch,
  RequestCipher,
  RequestDigest,
  RequestKeyTransport,
  RequestSigner,
} from './types.ts'
import { type VerifiedCertificate, verifyIssuedCertificate } from './verify-issued-certificate.ts'

/** One enrolment. */
export interface Enrolment extends Partial<RequestedExtensions> {
  /** SCEP URL without query, as `http://127.0.0.1:8080/scep/default`. */
  readonly url: string
  /** RFC 4514 text, most specific first. */
  readonly subject: string
  readonly challenge: Secret | undefined
  /** Default `rsa2048`. Ignored when `keys` are given. */
  readonly key?: DeviceKeyKind
  /** Keys to use again. */
  readonly keys?: DeviceKeys
  /** RenewalReq: the certificate being renewed and its RSA key sign the request. */
  readonly renew?: RequestSigner
  /** SHA-1 or SHA-256 of the root certificate to trust; without it the list of GetCACert is believed. */
  readonly rootFingerprintHex?: string
  /** Default: POST where the server offers it, else GET. */
  readonly method?: 'GET' | 'POST'
  /** Default: the strongest that the server offers. */
  readonly digest?: RequestDigest
  readonly cipher?: RequestCipher
  /** Default `pkcs1`, which every SCEP server reads. */
  readonly keyTransport?: RequestKeyTransport
  /** Default: SHA-256 of the CSR's public key, upper-case hexadecimal. */
  readonly transactionId?: string
  /** Per HTTP call. Default 30,000. */
  readonly timeoutMs?: number
  /** How long the same request is sent again and again while the server answers PENDING. Default 0: not once. */
  readonly waitMs?: number
  /** Pause between two of them. Default 5000. */
  readonly pauseMs?: number
  readonly fetch?: HttpFetch
  readonly now?: () => Date
  /** Told of each step as it happens. */
  readonly onStep?: (step: EnrolmentStep) => void
}

/** What a device has after its enrolment. Holds a private key: memory only. */
export interface EnrolledDevice extends VerifiedCertificate {
  readonly keys: DeviceKeys
  readonly transactionId: string
  /** Leaf first, root last. */
  readonly chainPem: string
  readonly sha1Hex: string
  readonly sha256Hex: string
}

const DEFAULT_TIMEOUT_MS = 30_000
const DEFAULT_PAUSE_MS = 5000

/**
 * Enrols one device over SCEP (RFC 8894): capabilities, CA certificates, key and CSR, PKIOperation, and checks of
 * everything that comes back. Nothing is written to disk.
 *
 * @throws ConnectorError `scep/unavailable` the server cannot be reached, or answers something else than SCEP
 * @throws ConnectorError by failInfo when the server refuses; `ca/unavailable`, transient, when it answers PENDING
 * @throws ConnectorError `scep/bad-signature`, `scep/malformed`, `scep/not-for-us`, `scep/bad-request`, `pki/malformed`
 *   the reply or the certificate is not what RFC 8894 or the request asks for
 * @throws ConnectorError `config/invalid` subject, names or usages cannot be encoded
 */
export async function enrolDevice(enrolment: Enrolment): Promise<EnrolledDevice> {
  const tell = enrolment.onStep ?? (() => undefined)
  const now = enrolment.now ?? (() => new Date())
  const transport: ScepTransport = {
    url: enrolment.url,
    fetch: enrolment.fetch ?? globalThis.fetch,
    timeoutMs: enrolment.timeoutMs ?? DEFAULT_TIMEOUT_MS,
  }

  const capabilities = await loadCapabilities(transport)
  tell(describeCapabilities(capabilities, enrolment.url))

  const authorities = await loadCaCertificates(transport, enrolment.rootFingerprintHex, now())
  tell(describeAuthorities(authorities))

  const keys = enrolment.keys ?? (await createDeviceKeys({ key: enrolment.key ?? 'rsa2048' }))
  const signer = await chooseSigner(enrolment, keys, now())
  tell(describeKeys(keys, signer, enrolment.renew !== undefined))

  const wanted = {
    subject: enrolment.subject,
    sans: enrolment.sans ?? [],
    ekus: enrolment.ekus ?? [],
    keyUsage: enrolment.keyUsage ?? [],
    challenge: enrolment.challenge,
    keys,
  }
  const csrDer = encodeSigningRequest(wanted)
  const spkiDer = spkiOf(keys.publicKey)
  const transactionId =
    enrolment.transactionId ?? toHex(createHash('sha256').update(spkiDer).digest())
  const method = enrolment.method ?? (capabilities.hasPost ? 'POST' : 'GET')
  const message = {
    messageType: enrolment.renew === undefined ? ('PKCSReq' as const) : ('RenewalReq' as const),
    csrDer,
    signer,
    recipientCertificateDer: authorities.recipient.der,
    digest: enrolment.digest ?? capabilities.digest,
    cipher: enrolment.cipher ?? capabilities.cipher,
    keyTransport: enrolment.keyTransport ?? ('pkcs1' as const),
    transactionId,
  }
  const until = now().getTime() + (enrolment.waitMs ?? 0)
  const pauseMs = enrolment.pauseMs ?? DEFAULT_PAUSE_MS
  const ask = async (isAgain: boolean): Promise<OpenedReply> => {
    // Each message has a nonce of its own; key, CSR and transaction are the same, by which the server knows it again.
    const fresh = { ...message, senderNonce: randomBytes(16), signingTime: now() }
    const messageDer = buildRequest(fresh)
    if (!isAgain) tell(describeRequest(fresh, wanted, method, messageDer))
    const replyDer = await sendPkiOperation(transport, messageDer, method)
    const reply = openReply(replyDer, {
      raCertificatesDer: authorities.signers.map((one) => one.der),
      transactionId,
      senderNonce: fresh.senderNonce,
      signer,
    })
    if (!isAgain || reply.kind !== 'pending') tell(describeReply(reply, replyDer))
    return reply
  }
  let reply = await ask(false)
  while (reply.kind === 'pending' && now().getTime() + pauseMs <= until) {
    await sleep(pauseMs)
    reply = await ask(true)
  }
  if (reply.kind !== 'issued') throw refusalError(reply)

  const verified = verifyIssuedCertificate(
    reply.certificatesDer,
    { ...wanted, spkiDer },
    authorities,
    now(),
  )
  const device = { ...verified, keys, transactionId, ...toPemAndPrints(verified) }
  tell(describeCertificate(device))
  return device
}

async function loadCapabilities(transport: ScepTransport): Promise<ServerCapabilities> {
  const { body } = await getOperation(transport, 'GetCACaps')
  return parseCapabilities(Buffer.from(body).toString('latin1'))
}

async function loadCaCertificates(
  transport: ScepTransport,
  rootFingerprintHex: string | undefined,
  now: Date,
): Promise<CaCertificates> {
  const { body, mediaType } = await getOperation(transport, 'GetCACert')
  return parseCaCertificates(body, mediaType, rootFingerprintHex, now)
}

async function chooseSigner(
  enrolment: Enrolment,
  keys: DeviceKeys,
  now: Date,
): Promise<RequestSigner> {
  const { renew } = enrolment
  if (renew === undefined) {
    const signing = isRsa(keys.privateKey) ? keys : await createDeviceKeys({ key: 'rsa2048' })
    return createSigner(signing.privateKey, enrolment.subject, now)
  }
  if (!holdsKey(renew.certificateDer, renew.privateKey)) {
    throw new ConnectorError(
      'config/invalid',
      'renewal: the key does not belong to the certificate',
    )
  }
  if (!isRsa(renew.privateKey)) {
    throw new ConnectorError(
      'config/invalid',
      'renewal: the certificate has no RSA key, so the reply could not be encrypted to it; enrol anew with a challenge',
    )
  }
  return renew
}

function toPemAndPrints({ certificate, chain }: VerifiedCertificate) {
  const chainPem = [certificate, ...chain].map((one) => one.x509.toString()).join('')
  return { chainPem, ...fingerprintsOf(certificate.der) }
}
