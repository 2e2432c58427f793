import * as asn1js from 'asn1js'
import type * as pkijs from 'pkijs'
import { ConnectorError } from '../../kernel/index.ts'
import { OID } from './object-ids.ts'

/** Signed attributes of a CertRep (RFC 8894, section 3.2.1), as text and octets. */
export interface ReplyAttributes {
  readonly messageType: string
  readonly pkiStatus: string
  readonly transactionId: string
  readonly failInfo: string | undefined
  readonly failInfoText: string | undefined
  readonly senderNonce: Uint8Array | undefined
  readonly recipientNonce: Uint8Array | undefined
  readonly signingTime: Date | undefined
}

/**
 * Reads the signed attributes: each at most once with one value, and contentType id-data.
 *
 * @throws ConnectorError `scep/malformed`
 */
export function readReplyAttributes(signerInfo: pkijs.SignerInfo): ReplyAttributes {
  const values = new Map<string, unknown>()
  for (const { type, values: sent } of signerInfo.signedAttrs?.attributes ?? []) {
    if (values.has(type) || sent.length !== 1) {
      throw new ConnectorError(
        'scep/malformed',
        `reply: attribute ${type} does not have exactly one value`,
      )
    }
    values.set(type, sent[0])
  }
  const contentType = values.get(OID.contentType)
  if (!(contentType instanceof asn1js.ObjectIdentifier) || contentType.getValue() !== OID.data) {
    throw new ConnectorError('scep/malformed', 'reply: attribute contentType is not id-data')
  }
  return {
    messageType: printableOf(values, OID.messageType) ?? '',
    pkiStatus: printableOf(values, OID.pkiStatus) ?? '',
    transactionId: printableOf(values, OID.transactionId) ?? '',
    failInfo: printableOf(values, OID.failInfo),
    failInfoText: textOf(values.get(OID.failInfoText)),
    senderNonce: octetsOf(values.get(OID.senderNonce)),
    recipientNonce: octetsOf(values.get(OID.recipientNonce)),
    signingTime: dateOf(values.get(OID.signingTime)),
  }
}

function printableOf(values: ReadonlyMap<string, unknown>, oid: string): string | undefined {
  const value = values.get(oid)
  if (value === undefined) return undefined
  if (value instanceof asn1js.PrintableString) return value.getValue()
  throw new ConnectorError('scep/malformed', `reply: attribute ${oid} is not a PrintableString`)
}

function textOf(value: unknown): string | undefined {
  return value instanceof asn1js.Utf8String ? value.getValue() : undefined
}

function octetsOf(value: unknown): Uint8Array | undefined {
  return value instanceof asn1js.OctetString ? new Uint8Array(value.getValue()) : undefined
}

function dateOf(value: unknown): Date | undefined {
  return value instanceof asn1js.UTCTime ? value.toDate() : undefined
}
