import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { ConnectorError, equalBytes } from '../../kernel/index.ts'
import {
  type CertificateOrder,
  type Extension,
  encodeAuthorityInfoAccess,
  encodeAuthorityKeyIdentifier,
  encodeBasicConstraints,
  encodeCertificate,
  encodeCrlDistributionPoints,
  encodeSubjectKeyIdentifier,
  findExtension,
  OID,
  parseCertificate,
  parseExtKeyUsage,
  parseName,
} from '../../pki/index.ts'
import { chooseShard, FULL_CRL, nameShard, urlOfPart } from './crl-parts.ts'
import { getIssuerKeyIdentifier, latestNotAfter } from './issuer-facts.ts'
import type { IssuerMaterial } from './signer.ts'

/**
 * An embedded CA made ready to sign: key imported once, everything constant encoded once. Stays in the thread that made it.
 */
export interface Issuer {
  readonly caId: string
  readonly key: KeyObject
  /** Subject of the CA certificate, octet for octet. */
  readonly nameDer: Uint8Array
  /** The same as it is compared. */
  readonly foldedName: string
  /** No certificate of this issuer ends later. */
  readonly latestNotAfter: Date
  /** basicConstraints, authorityKeyIdentifier and, where there is a URL, authorityInfoAccess. */
  readonly ownExtensions: readonly Extension[]
  /** cRLDistributionPoints, one a shard; empty where there is no URL. */
  readonly crlPointers: readonly Extension[]
  readonly allowsSidExtension: boolean
}

/**
 * Extensions that no order may bring: the issuer's own, and those that would make a leaf more than a leaf or change how
 * it is checked.
 */
const FORBIDDEN_EXTENSIONS: ReadonlySet<string> = new Set([
  OID.basicConstraints,
  OID.subjectKeyIdentifier,
  OID.authorityKeyIdentifier,
  OID.authorityInfoAccess,
  OID.cRLDistributionPoints,
  '2.5.29.18', // issuerAltName
  '2.5.29.30', // nameConstraints
  '2.5.29.33', // policyMappings
  '2.5.29.36', // policyConstraints
  OID.freshestCRL,
  '2.5.29.54', // inhibitAnyPolicy
  '1.3.6.1.5.5.7.1.11', // subjectInfoAccess
  '1.3.6.1.5.5.7.48.1.5', // ocsp-nocheck
  '1.3.6.1.4.1.11129.2.4.3', // certificate transparency poison
])

/**
 * Imports an issuer's key and certificate, and checks that they belong together.
 *
 * @throws ConnectorError `key/unreadable` no private key in PKCS #8
 * @throws ConnectorError `ca/misconfigured` the key is not that of the certificate
 */
export function prepareIssuer(material: IssuerMaterial): Issuer {
  const certificate = parseCertificate(material.certificateDer)
  const key = importKey(material)
  const spkiDer = createPublicKey(key).export({ format: 'der', type: 'spki' })
  if (!equalBytes(spkiDer, certificate.spkiDer)) {
    throw new ConnectorError(
      'ca/misconfigured',
      `the private key of CA ${material.caId} does not belong to the certificate of ${certificate.subject}`,
    )
  }
  const { caIssuersUrl, crlUrl, crlShards = 1, ocspUrl } = material
  return {
    caId: material.caId,
    key,
    nameDer: certificate.subjectDer,
    foldedName: foldName(certificate.subjectDer),
    latestNotAfter: latestNotAfter(certificate),
    allowsSidExtension: material.allowsSidExtension ?? false,
    ownExtensions: [
      encodeBasicConstraints({ isCa: false }),
      encodeAuthorityKeyIdentifier(getIssuerKeyIdentifier(certificate)),
      ...(caIssuersUrl === undefined
        ? []
        : [
            encodeAuthorityInfoAccess({
              caIssuersUrls: [caIssuersUrl],
              ocspUrls: ocspUrl === undefined ? [] : [ocspUrl],
            }),
          ]),
    ],
    crlPointers: crlUrl === undefined ? [] : listCrlPointers(crlUrl, crlShards),
  }
}

function listCrlPointers(crlUrl: string, shards: number): Extension[] {
  const parts = shards < 2 ? [FULL_CRL] : [...Array(shards).keys()].map(nameShard)
  return parts.map((part) => encodeCrlDistributionPoints([urlOfPart(crlUrl, part)]))
}

/**
 * Signs the certificate that an order describes. Pure but for the randomness of ECDSA; runs in worker threads.
 *
 * The subject and the key are copied octet for octet. basicConstraints, key identifiers and pointers are the issuer's
 * own. A `notAfter` beyond the CA's is brought forward to one minute before it; the certificate tells.
 *
 * @returns DER
 * @throws ConnectorError `ca/refused` the order brings an extension that is not its to bring, brings one twice, is for the
 *   CA's own name or for answers of OCSP, or its dates or serial cannot be certified
 * @see RFC 5280, section 4; `docs/enrolment.md`, step 6
 */
export function issueCertificate(order: CertificateOrder, issuer: Issuer): Uint8Array {
  refuseForeignExtensions(order.extensions, issuer)
  refuseStandIn(order, issuer)
  const notAfter = order.notAfter < issuer.latestNotAfter ? order.notAfter : issuer.latestNotAfter
  if (!(order.notBefore < notAfter)) {
    throw new ConnectorError(
      'ca/refused',
      `the certificate would end (${notAfter.toISOString()}) before it begins ` +
        `(${order.notBefore.toISOString()}); is the CA about to expire?`,
    )
  }
  const crlPointer = issuer.crlPointers[chooseShard(order.serialHex, issuer.crlPointers.length)]
  return encodeCertificate(
    { ...order, notAfter },
    {
      nameDer: issuer.nameDer,
      key: issuer.key,
      extensions: [
        encodeSubjectKeyIdentifier(order.spkiDer),
        ...issuer.ownExtensions,
        ...(crlPointer === undefined ? [] : [crlPointer]),
      ],
    },
  )
}

function refuseForeignExtensions(extensions: readonly Extension[], issuer: Issuer): void {
  const seen = new Set<string>()
  for (const { oid } of extensions) {
    const isForbidden =
      FORBIDDEN_EXTENSIONS.has(oid) || (oid === OID.ntdsCaSecurity && !issuer.allowsSidExtension)
    if (isForbidden || seen.has(oid)) {
      throw new ConnectorError(
        'ca/refused',
        `the order brings extension ${oid} ${isForbidden ? 'which CA' : 'twice; CA'} ${issuer.caId} ` +
          `${isForbidden ? 'writes itself or never signs' : 'signs each at most once'}`,
      )
    }
    seen.add(oid)
  }
}

/** Whoever has the CA's name, or may sign answers of OCSP, could tell others what it has revoked (RFC 5280, section 6.3.3). */
function refuseStandIn({ subjectDer, extensions }: CertificateOrder, issuer: Issuer): void {
  if (foldName(subjectDer) === issuer.foldedName)
    throw new ConnectorError('ca/refused', `the order is for the name of CA ${issuer.caId} itself`)
  const usages = findExtension(extensions, OID.extKeyUsage)
  if (usages !== undefined && parseExtKeyUsage(usages.valueDer).includes(OID.ocspSigning))
    throw new ConnectorError(
      'ca/refused',
      `the order is for OCSP signing, which CA ${issuer.caId} lets nobody else do`,
    )
}

/** Case and number of spaces do not count where names are compared (RFC 5280, section 7.1). */
function foldName(nameDer: Uint8Array): string {
  return parseName(nameDer).toLowerCase().replaceAll(/ +/g, ' ')
}

function importKey(material: IssuerMaterial): KeyObject {
  try {
    return createPrivateKey({
      key: Buffer.from(material.keyPkcs8Der),
      format: 'der',
      type: 'pkcs8',
    })
  } catch (cause) {
    throw new ConnectorError(
      'key/unreadable',
      `the private key of CA ${material.caId} is no PKCS #8`,
      { cause },
    )
  }
}
