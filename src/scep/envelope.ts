import type { KeyObject } from 'node:crypto'
import { ConnectorError, toHex } from '../kernel/index.ts'
import {
  type CertificateReference,
  cipherTraits,
  type DerElement,
  decryptContent,
  type EnvelopedData,
  parseEnvelopedData,
  parseLeadingElement,
  parseName,
  type Recipient,
  readContentCipher,
  readKeyTransport,
  readPasswordRecipient,
  unwrapContentKey,
  unwrapWithPassword,
  verifyCertificationRequest,
} from '../pki/index.ts'
import { tellable } from './fail-info.ts'
import type { FrameDraft } from './frame-draft.ts'
import { findRecipient, type RaIdentity, type RaKeyRing } from './ra-key-ring.ts'
import { spendProof } from './spent-proof.ts'
import type { ScepRules } from './types.ts'

type KeyTransportRecipient = Extract<Recipient, { kind: 'keyTransport' }>

/**
 * Decrypts an EnvelopedData and has `read` make of the content what the message is about: a PKCS #10 that is signed by its
 * own key (`proveRequest`), or the names that a query asks about.
 *
 * Whatever goes wrong from the RSA decryption on ends in the same error: a client must not learn whether padding,
 * structure or signature failed, or this would be an oracle for the challenges of others (REQ-100).
 * Fills cipher, key transport and RA of the frame as they become known.
 *
 * @param read throws a ConnectorError when the content is something else
 * @throws ConnectorError `scep/not-for-us` no RA key is named, or the content does not decrypt to what `read` takes
 * @throws ConnectorError `scep/unsupported-algorithm`, `pki/unsupported-algorithm`, `pki/malformed`, `scep/bad-request`
 * @see RFC 8894, section 3.1; REQ-94 to 107
 */
export function openEnvelope<T>(
  envelopeDer: Uint8Array,
  frame: FrameDraft,
  ras: RaKeyRing,
  rules: ScepRules,
  read: (content: Uint8Array) => T,
): T {
  const envelope = parseEnvelopedData(envelopeDer)
  const { cipher, iv } = readContentCipher(envelope.cipherAlgorithm)
  if (cipher === 'des-cbc' && !rules.allowDes) {
    const text = 'content cipher DES is not allowed'
    throw tellable('scep/unsupported-algorithm', text)
  }
  frame.cipher = cipher
  const unwrap = prepareUnwrap(envelope, frame, ras, rules)
  const encrypted = envelope.encryptedContent
  if (encrypted === undefined || encrypted.length === 0) {
    const text = 'the envelope has no content'
    throw tellable('scep/bad-request', text)
  }
  const { keyLength } = cipherTraits(cipher)
  const content = decryptContent(cipher, unwrap(keyLength), iv, encrypted)
  try {
    return read(content ?? new Uint8Array())
  } catch (cause) {
    if (!(cause instanceof ConnectorError)) throw cause
    if (cause.code !== 'pki/bad-csr') spendProof(ras.signer)
    const text = 'the envelope does not decrypt to what this type of message holds'
    throw tellable('scep/not-for-us', text, cause)
  }
}

/** How the content key comes out; it is not taken out before the rest of the envelope has been looked at. */
function prepareUnwrap(
  envelope: EnvelopedData,
  frame: FrameDraft,
  ras: RaKeyRing,
  { recipientPassword }: ScepRules,
): (keyLength: number) => Uint8Array {
  const byPassword = envelope.recipients.find((recipient) => recipient.kind === 'password')
  const hasKeyTransport = envelope.recipients.some(({ kind }) => kind === 'keyTransport')
  if (byPassword !== undefined && recipientPassword !== undefined && !hasKeyTransport) {
    const recipient = readPasswordRecipient(byPassword.info)
    frame.isByPassword = true
    return (keyLength) => unwrapWithPassword(recipient, recipientPassword.reveal(), keyLength)
  }
  const { recipient, ra } = getRecipient(envelope, ras)
  frame.raFingerprintHex = ra.fingerprintHex
  const transport = readKeyTransport(recipient.keyAlgorithm)
  frame.keyTransport = transport
  return (keyLength) => unwrapContentKey(ra.key, transport, recipient.wrappedKey, keyLength)
}

/**
 * A PKCS #10 and the proof that its sender holds the key.
 *
 * @param signerKey taken for the request's own key where the bytes are the same, to save an import
 * @returns it as read, without octets that followed it (REQ-104)
 * @throws ConnectorError `pki/…`, `scep/bad-signature`
 */
export function proveRequest(
  content: Uint8Array,
  signerKey: { readonly spkiDer: Uint8Array; readonly key: KeyObject },
): DerElement {
  const request = parseLeadingElement(content)
  verifyCertificationRequest(request, signerKey)
  return request
}

/** The first recipient that names one of our certificates (REQ-95). */
function getRecipient(
  { recipients }: EnvelopedData,
  ras: RaKeyRing,
): { recipient: KeyTransportRecipient; ra: RaIdentity } {
  const candidates = recipients.filter((recipient) => recipient.kind === 'keyTransport')
  for (const recipient of candidates) {
    const ra = findRecipient(ras, recipient.reference)
    if (ra !== undefined) return { recipient, ra }
  }
  const [first] = candidates
  if (first === undefined) {
    const text = 'the envelope has no recipient with RSA key transport'
    throw tellable('scep/unsupported-algorithm', text)
  }
  const text = `request is not encrypted to this server but to ${describe(first.reference)}`
  throw tellable('scep/not-for-us', text)
}

/** Serial first: the text is cut at 255 characters, and names can be long (REQ-97). */
function describe(reference: CertificateReference): string {
  return reference.kind === 'issuerAndSerial'
    ? `serial ${toHex(reference.serial.subarray(0, 40))} of issuer ${parseName(reference.issuerDer)}`
    : `key identifier ${toHex(reference.keyIdentifier.subarray(0, 64))}`
}
