import type { CaBackend, RevocationReason } from '../ca/index.ts'
import { type EventFields, events, type Journal } from '../events/index.ts'
import { type Clock, ConnectorError, describeError } from '../kernel/index.ts'
import { parseCertificate } from '../pki/index.ts'

const CA_TIMEOUT_MS = 25_000

/** CRLReason cessationOfOperation: the certificate was never in use. */
const NEVER_USED = 5

/**
 * Revokes a certificate that exists and must not be used by anybody. Does not throw: it is not handed out either way,
 * and what could not be revoked is on record for an administrator.
 */
export async function revokeOrphan(
  {
    ca,
    ports,
    log,
  }: {
    readonly ca: Pick<CaBackend, 'id' | 'revoke'>
    readonly ports: { readonly clock: Clock }
    readonly log: Journal
  },
  certificateDer: Uint8Array,
  detail: string,
  reason: RevocationReason = NEVER_USED,
): Promise<void> {
  let fields: EventFields = { caId: ca.id, detail }
  try {
    const { serialHex, notAfter } = parseCertificate(certificateDer)
    fields = { ...fields, serialNumber: serialHex, notAfter }
    const result = await ca.revoke(
      { serialHex, reason, at: ports.clock.now(), certificateDer },
      AbortSignal.timeout(CA_TIMEOUT_MS),
    )
    if (result.status === 'notFound' || result.status === 'notSupported')
      throw new ConnectorError('ca/refused', result.message)
    log.record(events.OrphanCertificateRevoked, fields)
  } catch (error) {
    log.record(events.CaUnavailable, {
      ...fields,
      detail: `${detail}; it could not be revoked: revoke it by hand`,
      errorMessage: describeError(error),
    })
  }
}
