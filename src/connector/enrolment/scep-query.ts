import { createHash } from 'node:crypto'
import type { CaBackend } from '../../ca/index.ts'
import { events, type Journal } from '../../events/index.ts'
import { ConnectorError, describeError, toHex } from '../../kernel/index.ts'
import { refusalFor, type ScepQuery, type ScepRequest } from '../../scep/index.ts'
import type { CertificateRecord } from '../../store/index.ts'
import type { EnrolmentProfile } from '../ports.ts'
import { notificationIdOf } from './enrolment-notification.ts'
import {
  type Ending,
  type EnrolmentPorts,
  endWithRefusal,
  fieldsOfRefused,
} from './enrolment-work.ts'
import { findPolled } from './pending.ts'
import { isTold } from './strict-notification.ts'

/**
 * Answers a GetCert or a GetCRL (RFC 8894, sections 2.6 and 2.7), and finds the request that a CertPoll asks about. Changes
 * nothing. No Admin event: nothing was requested to be issued.
 *
 * Of a certificate of this profile only its holder is told anything, unless the profile answers everybody: all others get
 * the same badCertId as for one that does not exist.
 *
 * @returns the answer, or the request that is to be served again under the frame of the poll
 * @see REQ-147, REQ-148, REQ-181 to 186
 */
export async function answerScepQuery(
  query: ScepQuery,
  profile: EnrolmentProfile,
  ports: EnrolmentPorts,
  log: Journal,
): Promise<Ending | { readonly polled: ScepRequest }> {
  const { asked } = query
  const fields = { messageType: asked.messageType, subject: query.signer.subject }
  try {
    if (asked.messageType === 'CertPoll') return { polled: await getPolled(query, profile, ports) }
    const reply =
      asked.messageType === 'GetCRL'
        ? { status: 'SUCCESS' as const, crlDer: await findCrl(asked.issuerDer, profile, ports) }
        : {
            status: 'SUCCESS' as const,
            certificateDer: await findCertificate(query, profile, ports),
            chainDer: [],
          }
    log.record(events.ScepQueryAnswered, { ...fields, succeeded: true })
    return { reply, outcome: 'answered' }
  } catch (error) {
    const failure =
      error instanceof ConnectorError
        ? error
        : new ConnectorError('internal/bug', 'unexpected failure of a query', { cause: error })
    const refusal = refusalFor(failure.code, failure.told)
    const { code } = failure
    const refused = { code, reason: describeError(failure), refusal }
    log.record(events.ScepQueryAnswered, {
      ...fields,
      succeeded: false,
      ...fieldsOfRefused(refused),
    })
    // What was encrypted by another password is a guess at the challenge; which one it was must not show here either.
    return endWithRefusal(refusal, query.frame.isByPassword ? 'challenge-refused' : 'refused')
  }
}

async function getPolled(
  query: ScepQuery,
  profile: EnrolmentProfile,
  ports: EnrolmentPorts,
): Promise<ScepRequest> {
  const polled = await findPolled(query, profile, ports)
  if (polled === undefined)
    throw tellable('scep/bad-request', 'no request of this transaction and key waits')
  return polled
}

/** By the issuer alone: clients send any serial (REQ-182). */
async function findCrl(
  issuerDer: Uint8Array,
  { issuers, queries }: EnrolmentProfile,
  { crls }: EnrolmentPorts,
): Promise<Uint8Array> {
  if (!queries.getCrl) throw tellable('scep/bad-request', 'GetCRL is not served by this profile')
  const ca = findIssuer(issuerDer, issuers)
  const crl = await crls.current(ca.id)
  if (crl === undefined)
    throw tellable('scep/bad-request', `CA ${ca.id} has not published a CRL yet`)
  return crl.der
}

async function findCertificate(
  { asked, signer }: ScepQuery,
  profile: EnrolmentProfile,
  ports: EnrolmentPorts,
): Promise<Uint8Array> {
  if (asked.messageType !== 'GetCert')
    throw tellable('scep/bad-request', `messageType ${asked.messageType} is not a query`)
  const ca = findIssuer(asked.issuerDer, profile.issuers)
  const record = await ports.certificates.findBySerial(ca.id, asked.serialHex)
  const isAnswered =
    record?.certificateDer !== undefined &&
    (profile.queries.openCertQueries || isHolder(record, signer.publicKeySha256Hex)) &&
    (await mayLeave(record, profile, ports))
  if (record?.certificateDer === undefined || !isAnswered) throw unknownCertificate()
  return record.certificateDer
}

function isHolder({ order }: CertificateRecord, publicKeySha256Hex: string): boolean {
  const own = toHex(createHash('sha256').update(order.spkiDer).digest())
  return own === publicKeySha256Hex
}

/**
 * What strict mode holds back until the management service said yes is not to be had by asking for it either. Of a
 * certificate of another profile nobody knows here whether that is strict.
 */
async function mayLeave(
  record: CertificateRecord,
  { name, notifier, notifyMode }: EnrolmentProfile,
  ports: EnrolmentPorts,
): Promise<boolean> {
  if (record.profile !== name) return false
  if (notifier === undefined || notifyMode !== 'strict') return true
  return (
    record.state === 'issued' && (await isTold({ ports }, notificationIdOf(record.order.serialHex)))
  )
}

function findIssuer(nameDer: Uint8Array, issuers: EnrolmentProfile['issuers']): CaBackend {
  const ca = issuers.findByName(nameDer)
  if (ca === undefined) throw unknownCertificate()
  return ca
}

function unknownCertificate(): ConnectorError {
  return tellable('scep/unknown-certificate', 'no such certificate')
}

function tellable(
  code: 'scep/bad-request' | 'scep/unknown-certificate',
  told: string,
): ConnectorError {
  return new ConnectorError(code, told, { told })
}
