import { CA_KEY_TYPES } from '../../../src/ca/index.ts'
import type { Row } from '../rows.ts'

const under = `CAs on ${CA_KEY_TYPES.join(', ')}`

/** What programs other than ours say of all that the embedded CA makes. */
export const linterRows = {
  openssl: {
    client: 'OpenSSL',
    claim: `certificates, purposes, full, shard and delta CRLs and OCSP answers of ${under} verify; revoked is revoked`,
  },
  gnutls: {
    client: 'GnuTLS',
    claim: `certtool and ocsptool verify chains, CRLs and OCSP answers of ${under}; revoked is revoked`,
  },
  zlint: {
    client: 'zlint',
    claim: `finds in certificates and CRLs of ${under} only what docs/scep-conformance.md explains`,
  },
  pkilint: {
    client: 'pkilint',
    claim: `finds in certificates, CRLs and OCSP answers of ${under} only what docs/scep-conformance.md explains`,
  },
} as const satisfies Readonly<Record<string, Row>>
