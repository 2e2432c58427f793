import { TAG } from './der-reader.ts'
import {
  encodeBitString,
  encodeContext,
  encodeContextPrimitive,
  encodeElement,
  encodeOctetString,
  encodeOid,
  encodeSequence,
} from './der-writer.ts'
import { encodeExtensions } from './extensions.ts'
import { OID } from './oids.ts'

const ENUMERATED = 0x0a

/** What is known of one certificate. */
export type OcspStatus =
  | { readonly kind: 'good' | 'unknown' }
  | { readonly kind: 'revoked'; readonly at: Date; readonly reason: number }

/** The answer about one certificate. */
export interface OcspAnswer {
  /** CertID as it was asked. */
  readonly certificateIdDer: Uint8Array
  readonly status: OcspStatus
}

/** What a responder signs. */
export interface OcspResponseData {
  /** SHA-1 over the key bits of the signer's certificate. */
  readonly responderKeyHash: Uint8Array
  readonly producedAt: Date
  readonly nextUpdate: Date
  readonly answers: readonly OcspAnswer[]
  readonly nonce: Uint8Array | undefined
}

/** responseStatus of answers that say nothing about a certificate, which nobody signs (RFC 6960, section 2.3). */
export type OcspProblem = 'malformedRequest' | 'internalError' | 'tryLater' | 'unauthorized'

const statusNumbers: Readonly<Record<OcspProblem, number>> = {
  malformedRequest: 1,
  internalError: 2,
  tryLater: 3,
  unauthorized: 6,
}

/** DER of an OCSPResponse without a body. */
export function encodeOcspProblem(problem: OcspProblem): Uint8Array {
  return encodeSequence(encodeElement(ENUMERATED, Uint8Array.of(statusNumbers[problem])))
}

/** DER of ResponseData, which is to be signed (RFC 6960, section 4.2.1). A reason of 0 is left out. */
export function encodeOcspResponseData(data: OcspResponseData): Uint8Array {
  const { answers, nonce, producedAt, nextUpdate } = data
  const time = encodeGeneralizedTime(producedAt)
  const next = encodeContext(0, encodeGeneralizedTime(nextUpdate))
  const responses = answers.map(({ certificateIdDer, status }) =>
    encodeSequence(certificateIdDer, encodeStatus(status), time, next),
  )
  const extensions =
    nonce === undefined
      ? []
      : [
          encodeContext(
            1,
            encodeExtensions([
              { oid: OID.ocspNonce, critical: false, valueDer: encodeOctetString(nonce) },
            ]),
          ),
        ]
  return encodeSequence(
    encodeContext(2, encodeOctetString(data.responderKeyHash)),
    time,
    encodeSequence(...responses),
    ...extensions,
  )
}

/**
 * DER of a successful OCSPResponse with a BasicOCSPResponse.
 *
 * @param responseDataDer what was signed
 * @param certificateDer of the signer
 */
export function encodeOcspResponse(
  responseDataDer: Uint8Array,
  algorithmDer: Uint8Array,
  signature: Uint8Array,
  certificateDer: Uint8Array,
): Uint8Array {
  const basic = encodeSequence(
    responseDataDer,
    algorithmDer,
    encodeBitString(signature),
    encodeContext(0, encodeSequence(certificateDer)),
  )
  return encodeSequence(
    encodeElement(ENUMERATED, Uint8Array.of(0)),
    encodeContext(0, encodeSequence(encodeOid(OID.ocspBasic), encodeOctetString(basic))),
  )
}

function encodeStatus(status: OcspStatus): Uint8Array {
  switch (status.kind) {
    case 'good':
      return encodeContextPrimitive(0, new Uint8Array())
    case 'unknown':
      return encodeContextPrimitive(2, new Uint8Array())
    case 'revoked': {
      const reason = encodeContext(0, encodeElement(ENUMERATED, Uint8Array.of(status.reason)))
      const time = encodeGeneralizedTime(status.at)
      return status.reason === 0 ? encodeContext(1, time) : encodeContext(1, time, reason)
    }
  }
}

/** Times of OCSP are never UTCTime, and have no fractions. */
function encodeGeneralizedTime(date: Date): Uint8Array {
  const digits = date.toISOString().slice(0, 19).replaceAll(/[-T:]/g, '')
  return encodeElement(TAG.generalizedTime, Buffer.from(`${digits}Z`, 'latin1'))
}
