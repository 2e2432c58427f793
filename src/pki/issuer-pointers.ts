import {
  checkedTag,
  type DerElement,
  findChild,
  getChild,
  parseElement,
  TAG,
} from './der-reader.ts'
import { findTextAs } from './der-text.ts'
import { parseOid } from './der-values.ts'
import { encodeContext, encodeOid, encodeSequence } from './der-writer.ts'
import { encodeGeneralName } from './general-names.ts'
import { OID } from './oids.ts'
import { type Extension } from './types.ts'

/** Where the issuer's certificate and its OCSP responder are found. */
export interface AuthorityInfoAccess {
  readonly caIssuersUrls: readonly string[]
  readonly ocspUrls: readonly string[]
}

/** authorityInfoAccess, not critical. URLs are ASCII. */
export function encodeAuthorityInfoAccess(access: AuthorityInfoAccess): Extension {
  const describe = (method: string) => (url: string) =>
    encodeSequence(encodeOid(method), encodeGeneralName('uri', url))
  const valueDer = encodeSequence(
    ...access.ocspUrls.map(describe(OID.ocsp)),
    ...access.caIssuersUrls.map(describe(OID.caIssuers)),
  )
  return { oid: OID.authorityInfoAccess, critical: false, valueDer }
}

/**
 * URLs of an authorityInfoAccess; other methods and other kinds of names are left out.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseAuthorityInfoAccess(valueDer: Uint8Array): AuthorityInfoAccess {
  const caIssuersUrls: string[] = []
  const ocspUrls: string[] = []
  const sequence = checkedTag(parseElement(valueDer), TAG.sequence, 'authorityInfoAccess')
  for (const description of sequence.children) {
    const method = parseOid(getChild(description, 0, TAG.oid, 'accessMethod'))
    const url = findUrl(description.children[1])
    if (url === undefined) continue
    if (method === OID.caIssuers) caIssuersUrls.push(url)
    if (method === OID.ocsp) ocspUrls.push(url)
  }
  return { caIssuersUrls, ocspUrls }
}

/** cRLDistributionPoints with one point a URL, not critical. URLs are ASCII. */
export function encodeCrlDistributionPoints(urls: readonly string[]): Extension {
  return { oid: OID.cRLDistributionPoints, critical: false, valueDer: encodePoints(urls) }
}

/** freshestCRL of a complete CRL: where its deltas are found; not critical (RFC 5280, section 5.2.6). */
export function encodeFreshestCrl(urls: readonly string[]): Extension {
  return { oid: OID.freshestCRL, critical: false, valueDer: encodePoints(urls) }
}

/**
 * issuingDistributionPoint of a CRL that speaks of those certificates alone that name this URL, octet for octet; critical
 * (RFC 5280, section 5.2.5).
 */
export function encodeIssuingDistributionPoint(url: string): Extension {
  const valueDer = encodeSequence(encodePointName(url))
  return { oid: OID.issuingDistributionPoint, critical: true, valueDer }
}

function encodePoints(urls: readonly string[]): Uint8Array {
  return encodeSequence(...urls.map((url) => encodeSequence(encodePointName(url))))
}

function encodePointName(url: string): Uint8Array {
  return encodeContext(0, encodeContext(0, encodeGeneralName('uri', url)))
}

/**
 * URLs of cRLDistributionPoints, in order; other kinds of names are left out.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseCrlDistributionPoints(valueDer: Uint8Array): string[] {
  const sequence = checkedTag(parseElement(valueDer), TAG.sequence, 'cRLDistributionPoints')
  return sequence.children.flatMap((point) => {
    const name = findChild(point, 0xa0)
    const fullName = name === undefined ? undefined : findChild(name, 0xa0)
    return (fullName?.children ?? []).map(findUrl).filter((url) => url !== undefined)
  })
}

function findUrl(name: DerElement | undefined): string | undefined {
  return name?.tag === 0x86 ? findTextAs(TAG.ia5String, name) : undefined
}
