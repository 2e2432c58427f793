import { randomBytes } from 'node:crypto'
import {
  element,
  explicit,
  integer,
  octetString,
  oid,
  printable,
  sequence,
  setInOrder,
  utf8,
} from './ber.ts'
import {
  type RecipientShape,
  sealEnvelope,
  type TestCipher,
  type TestKeyTransport,
} from './envelopes.ts'
import { ATTRIBUTE, type MessageShape, sealMessage } from './messages.ts'
import { attribute } from './signing-requests.ts'
import type { TestIdentity } from './test-authority.ts'

/** A CertRep for tests of our client, made without the server's codec. */
export interface ReplyShape {
  readonly ra: TestIdentity
  readonly transactionId: string
  readonly recipientNonce: Uint8Array
  readonly status: '0' | '2' | '3'
  readonly failInfo?: string
  readonly failInfoText?: string
  /** For a SUCCESS. */
  readonly certificates?: readonly Uint8Array[]
  readonly recipient?: RecipientShape
  readonly cipher?: TestCipher
  readonly keyTransport?: TestKeyTransport
  /** Whatever else shall be strange about the SignedData. */
  readonly more?: Partial<MessageShape>
}

export function sealTestReply(shape: ReplyShape): Uint8Array {
  const { status, recipient } = shape
  const bag = certificateBag(shape.certificates ?? [])
  const content =
    status === '0' && recipient !== undefined
      ? sealEnvelope({
          content: bag,
          recipients: [recipient],
          cipher: shape.cipher ?? 'aes-128-cbc',
          keyTransport: shape.keyTransport ?? 'pkcs1',
        })
      : null
  const attributes = [
    attribute(ATTRIBUTE.pkiStatus, printable(status)),
    attribute(ATTRIBUTE.recipientNonce, octetString(shape.recipientNonce)),
    ...(shape.failInfo === undefined
      ? []
      : [attribute(ATTRIBUTE.failInfo, printable(shape.failInfo))]),
    ...(shape.failInfoText === undefined
      ? []
      : [attribute('1.3.6.1.5.5.7.24.1', utf8(shape.failInfoText))]),
  ]
  return sealMessage({
    content,
    signer: shape.ra,
    messageType: printable('3'),
    transactionId: printable(shape.transactionId),
    senderNonce: octetString(randomBytes(16)),
    attributes,
    ...shape.more,
  })
}

/** Degenerate SignedData: certificates only, in this order (GetCACert, and inside a SUCCESS). */
export function certificateBag(certificates: readonly Uint8Array[]): Uint8Array {
  const signedData = sequence(
    integer(1),
    setInOrder(),
    sequence(oid('1.2.840.113549.1.7.1')),
    element(0xa0, ...certificates),
    setInOrder(),
  )
  return sequence(oid('1.2.840.113549.1.7.2'), explicit(0, signedData))
}
