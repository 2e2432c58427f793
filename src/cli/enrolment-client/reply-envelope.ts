import type * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'
import { ConnectorError } from '../../kernel/index.ts'
import { decryptContent, readCipher } from './content-encryption.ts'
import { readKeyTransport, unwrapContentKey } from './key-transport.ts'
import { CIPHERS, OID } from './object-ids.ts'
import { parseCertificate, parseCertificateBag } from './received-certificate.ts'
import type { RequestCipher, RequestKeyTransport, RequestSigner } from './types.ts'

/** What a SUCCESS carries. */
export interface OpenedEnvelope {
  /** In the order sent; nothing has been checked about them. */
  readonly certificatesDer: readonly Uint8Array[]
  readonly cipher: RequestCipher
  readonly keyTransport: RequestKeyTransport
}

/**
 * Decrypts the EnvelopedData of a SUCCESS, which must be for our certificate and nobody else (RFC 8894, section 3.4).
 *
 * @throws ConnectorError `scep/malformed` no EnvelopedData with one key transport recipient
 * @throws ConnectorError `scep/not-for-us` for another certificate, or it does not open with our key
 * @throws ConnectorError `pki/unsupported-algorithm`
 */
export function openEnvelope(content: Uint8Array, signer: RequestSigner): OpenedEnvelope {
  const envelope = parseEnvelope(content)
  const recipient = onlyRecipient(envelope, signer)
  const { contentEncryptionAlgorithm } = envelope.encryptedContentInfo
  const cipher = readCipher(contentEncryptionAlgorithm.algorithmId)
  const keyTransport = readKeyTransport(recipient.keyEncryptionAlgorithm)
  const parameters = contentEncryptionAlgorithm.algorithmParams as asn1js.OctetString
  try {
    const encryptedKey = Buffer.from(recipient.encryptedKey.getValue())
    const key = unwrapContentKey(encryptedKey, signer.privateKey, keyTransport)
    if (key.byteLength !== CIPHERS[cipher].keyBytes)
      throw new Error('content key of a wrong length')
    const encrypted = new Uint8Array(envelope.encryptedContentInfo.getEncryptedContent())
    const plain = decryptContent(cipher, key, new Uint8Array(parameters.getValue()), encrypted)
    return { certificatesDer: parseCertificateBag(plain), cipher, keyTransport }
  } catch (cause) {
    throw new ConnectorError('scep/not-for-us', 'reply: the envelope does not open with our key', {
      cause,
    })
  }
}

function parseEnvelope(content: Uint8Array): pkijs.EnvelopedData {
  try {
    const inner = pkijs.ContentInfo.fromBER(Uint8Array.from(content))
    if (inner.contentType !== OID.envelopedData)
      throw new Error(`content type ${inner.contentType}`)
    return new pkijs.EnvelopedData({ schema: inner.content })
  } catch (cause) {
    throw new ConnectorError('scep/malformed', 'reply: SUCCESS without an EnvelopedData', { cause })
  }
}

function onlyRecipient(
  envelope: pkijs.EnvelopedData,
  signer: RequestSigner,
): pkijs.KeyTransRecipientInfo {
  const [recipient, ...others] = envelope.recipientInfos
  const info: unknown = recipient?.value
  if (others.length > 0 || !(info instanceof pkijs.KeyTransRecipientInfo)) {
    throw new ConnectorError(
      'scep/malformed',
      'reply: not exactly one recipient with key transport',
    )
  }
  const { rid } = info
  const ours = parseCertificate(signer.certificateDer)
  const isOurs =
    rid instanceof pkijs.IssuerAndSerialNumber &&
    Buffer.from(rid.issuer.valueBeforeDecode).equals(ours.issuerDer) &&
    Buffer.from(rid.serialNumber.valueBlock.valueHexView).equals(Buffer.from(ours.serialHex, 'hex'))
  if (isOurs) return info
  throw new ConnectorError(
    'scep/not-for-us',
    'reply: encrypted to another certificate than the one that asked',
  )
}
