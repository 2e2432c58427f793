import { hash } from 'node:crypto'
import { type AuthenticatedAttribute, encodeOctetString } from '../../pki/index.ts'

/** What a sealed payload belongs to. */
export interface PayloadContext {
  /** Of the item. */
  readonly requestContext: string
  readonly deviceId: string
  /** Of the certificate whose key or password is sealed, as the result has it. */
  readonly thumbprintHex: string
}

/**
 * Ties a payload to its item, device and certificate: SHA-256 over `requestContext|deviceId|thumbprint` in UTF-8, device
 * and thumbprint in lower case, as an OCTET STRING. A receiver that knows the attribute notices a payload that was swapped
 * for another one of the same device.
 *
 * @param oid the attribute's; undefined: payloads are not tied
 * @see pfx.md, 10.7
 */
export function bindContext(
  oid: string | undefined,
  { requestContext, deviceId, thumbprintHex }: PayloadContext,
): AuthenticatedAttribute | undefined {
  if (oid === undefined) return undefined
  const text = `${requestContext}|${deviceId.toLowerCase()}|${thumbprintHex.toLowerCase()}`
  return { oid, valueDer: encodeOctetString(hash('sha256', text, 'buffer')) }
}
