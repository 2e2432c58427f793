import {
  type Certificate,
  findExtension,
  OID,
  parseCrlDistributionPoints,
} from '../../pki/index.ts'

/** The CRL that lists every revoked certificate of its CA. Each other part is a shard of it, or the delta of one of them. */
export const FULL_CRL = 'full'

/** The name of a shard, or of the delta CRL of a part. */
export function nameShard(shard: number): string {
  return String(shard)
}

/** @see nameShard */
export function nameDelta(part: string): string {
  return part === FULL_CRL ? 'delta' : `${part}-delta`
}

/**
 * Where a part is served, from the address of the full CRL: `…/crl/main.crl` gives `…/crl/main/3.crl`. Certificates and
 * issuingDistributionPoint must agree on it octet for octet.
 */
export function urlOfPart(crlUrl: string, part: string): string {
  return part === FULL_CRL ? crlUrl : `${crlUrl.replace(/\.crl$/, '')}/${part}.crl`
}

/**
 * The shard of a new certificate, by the last 32 bits of its serial number. Only at issuance: with another number of
 * shards it would be another one, so the certificate and the register remember it.
 */
export function chooseShard(serialHex: string, shards: number): number {
  return shards < 2 ? 0 : Number.parseInt(serialHex.slice(-8), 16) % shards
}

/**
 * The shard that a certificate names; undefined when it names a full CRL, or one that this connector does not write.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function findCrlShard({ extensions }: Pick<Certificate, 'extensions'>): number | undefined {
  const pointers = findExtension(extensions, OID.cRLDistributionPoints)
  if (pointers === undefined) return undefined
  const [url = ''] = parseCrlDistributionPoints(pointers.valueDer)
  const shard = /\/crl\/[^/]+\/(\d{1,3})\.crl$/.exec(url)?.[1]
  return shard === undefined ? undefined : Number(shard)
}
