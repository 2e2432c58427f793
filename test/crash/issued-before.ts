import { createHash, randomBytes } from 'node:crypto'
import { encodeName, OID } from '../../src/pki/index.ts'
import type { Store } from '../../src/store/index.ts'
import { CA_ID } from './queue-site.ts'

const DAY_MS = 86_400_000

/**
 * A row of the register as an enrolment leaves it.
 *
 * @param certificateDer any that can be read: it is known by the serial and the thumbprint that are given
 */
export async function recordIssued(
  { certificates }: Store,
  serialHex: string,
  certificateDer: Uint8Array,
  thumbprintHex = createHash('sha1').update(serialHex).digest('hex'),
): Promise<void> {
  const at = new Date()
  const notAfter = new Date(at.getTime() + 365 * DAY_MS)
  const intent = {
    requestKey: randomBytes(32).toString('hex'),
    caId: CA_ID,
    profile: 'queues',
    transactionId: `enrolled-${serialHex}`,
    subject: `CN=${serialHex}`,
    order: {
      serialHex,
      subjectDer: encodeName([{ oid: OID.commonName, value: serialHex }]),
      spkiDer: new Uint8Array(randomBytes(91)),
      notBefore: at,
      notAfter,
      extensions: [],
    },
    reservedAt: at,
  }
  const reserved = await certificates.reserve(intent, 'queues', at, at)
  if (reserved.kind !== 'reserved') throw new Error(`${serialHex} is on record already`)
  const issued = { serialHex, certificateDer, thumbprintHex, notAfter, issuedAt: at }
  await certificates.complete(intent, issued, undefined)
}
