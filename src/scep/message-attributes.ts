import { toHex } from '../kernel/index.ts'
import {
  type Attribute,
  type DerElement,
  encodeOid,
  findChild,
  findText,
  OID,
  parseOctets,
  parseText,
  parseTime,
  TAG,
} from '../pki/index.ts'
import { tellable } from './fail-info.ts'
import type { MessageType } from './types.ts'

const maxTransactionIdOctets = 255
const maxNonceOctets = 64

/** These say what a message is; a second value would leave it to chance which one counts (REQ-79). */
const singleValued: ReadonlySet<string> = new Set([
  OID.contentType,
  OID.messageDigest,
  OID.signingTime,
  OID.messageType,
  OID.pkiStatus,
  OID.failInfo,
  OID.senderNonce,
  OID.recipientNonce,
  OID.transactionId,
])

const messageTypes: ReadonlyMap<string, MessageType> = new Map([
  ['3', 'CertRep'],
  ['17', 'RenewalReq'],
  ['19', 'PKCSReq'],
  ['20', 'CertPoll'],
  ['21', 'GetCert'],
  ['22', 'GetCRL'],
])

/** Control characters, marks that nobody sees or that turn the writing direction, halves of surrogate pairs. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u

/** transactionID as text for people and as received for the reply. */
export interface TransactionId {
  readonly text: string
  readonly der: Uint8Array
}

/**
 * Finds the transactionID of a SignerInfo, however broken the rest of it is: with it, a refusal can be signed.
 *
 * The text goes to logs, pages and terminals: where it holds what those cannot show, it is the hexadecimal of the octets.
 *
 * @returns undefined when there is none of 1 to 255 octets
 * @see REQ-64, REQ-86
 */
export function findTransactionId(signerInfo: DerElement): TransactionId | undefined {
  const attributes = findChild(signerInfo, 0xa0, 2)
  for (const { children } of attributes?.children ?? []) {
    const value = children[1]?.children[0]
    if (value === undefined || !isTransactionId(children[0])) continue
    const octets = value.isConstructed ? parseOctets(value, 'transactionID') : value.value
    if (octets.length === 0 || octets.length > maxTransactionIdOctets) return undefined
    const text = findText(value)
    const isShown = text !== undefined && text.trim() !== '' && !unprintable.test(text)
    return { text: isShown ? text : toHex(octets), der: value.der }
  }
  return undefined
}

const transactionIdOid = encodeOid(OID.transactionId)

function isTransactionId(type: DerElement | undefined): boolean {
  return type !== undefined && Buffer.compare(type.der, transactionIdOid) === 0
}

/** The other attributes of a request. */
export interface MessageAttributes {
  readonly messageType: MessageType
  readonly messageDigest: Uint8Array
  readonly signingTime: Date | undefined
}

/**
 * Reads the attributes of a request.
 *
 * @throws ConnectorError `scep/bad-signature` an attribute is repeated or messageDigest is missing
 * @throws ConnectorError `scep/bad-request` messageType is missing or unknown
 * @throws ConnectorError `pki/malformed`
 * @see RFC 8894, section 3.2.1; REQ-78, 79, 89, 92, 93
 */
export function readMessageAttributes(attributes: readonly Attribute[]): MessageAttributes {
  refuseRepeated(attributes)
  const messageType = findAttribute(attributes, OID.messageType)
  const messageDigest = findAttribute(attributes, OID.messageDigest)
  const signingTime = findAttribute(attributes, OID.signingTime)
  if (messageDigest === undefined) {
    throw tellable('scep/bad-signature', 'attribute messageDigest is missing')
  }
  return {
    messageType: readMessageType(messageType),
    messageDigest: parseOctets(messageDigest, 'messageDigest'),
    signingTime: signingTime === undefined ? undefined : parseTime(signingTime, 'signingTime'),
  }
}

/**
 * Finds the senderNonce, 1 to 64 octets; undefined when there is none (REQ-90, 91).
 *
 * @throws ConnectorError `scep/bad-request` it has another length
 */
export function findSenderNonce(attributes: readonly Attribute[]): Uint8Array | undefined {
  const value = findAttribute(attributes, OID.senderNonce)
  if (value === undefined) return undefined
  const nonce = parseOctets(value, 'senderNonce')
  if (nonce.length === 0 || nonce.length > maxNonceOctets) {
    throw tellable(
      'scep/bad-request',
      `senderNonce has ${nonce.length} octets, allowed are 1 to 64`,
    )
  }
  return nonce
}

function findAttribute(attributes: readonly Attribute[], oid: string): DerElement | undefined {
  return attributes.find((attribute) => attribute.oid === oid)?.values[0]
}

function refuseRepeated(attributes: readonly Attribute[]): void {
  const seen = new Set<string>()
  for (const { oid, values } of attributes) {
    if (!singleValued.has(oid)) continue
    if (values.length !== 1 || seen.has(oid)) {
      throw tellable('scep/bad-signature', `attribute ${oid} must have one value`)
    }
    seen.add(oid)
  }
}

/** Decimal text with or without leading zeros, or an INTEGER (REQ-89). */
function readMessageType(value: DerElement | undefined): MessageType {
  if (value === undefined) throw tellable('scep/bad-request', 'attribute messageType is missing')
  const text =
    value.tag === TAG.integer ? String(readOctet(value)) : parseText(value, 'messageType')
  const digits = /^0{0,16}([0-9]{1,3})$/.exec(text)?.[1] ?? ''
  const known = messageTypes.get(digits)
  if (known === undefined) {
    throw tellable('scep/bad-request', `messageType ${digits || 'of unknown form'} is not known`)
  }
  return known
}

function readOctet(integer: DerElement): number {
  return integer.value.length === 1 ? (integer.value[0] ?? 0) : 0
}
