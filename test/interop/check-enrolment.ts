import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { EventRecord } from '../../src/events/index.ts'
import { partsOfCertificate, partsOfRequest } from './certified-parts.ts'
import { type OpenedMessage, openTappedMessage } from './open-tapped-message.ts'
import { runOrThrow } from './run-program.ts'
import type { Stage } from './stage.ts'

/** What an enrolment must have been. */
export interface ExpectedEnrolment {
  readonly messageType: 'PKCSReq' | 'RenewalReq'
  /** Intune judged the challenge and is told the outcome: event 4008 as well. */
  readonly isIntune?: boolean
}

/**
 * Checks the certificate that a client wrote, against what it asked for on the wire and what the connector logged:
 * `openssl verify` accepts the chain up to the exported root; subject, alternative names and key are those of the CSR
 * byte for byte; the events tell the story once.
 *
 * @param certificateFile PEM; only its first certificate is looked at
 * @returns the request, as openssl opened it
 */
export async function checkEnrolment(
  stage: Stage,
  certificateFile: string,
  { messageType, isIntune = false }: ExpectedEnrolment,
): Promise<OpenedMessage> {
  const sent = stage.tap.take().at(-1)
  assert.ok(sent !== undefined, 'a PKIOperation crossed the wire')
  const request = await openTappedMessage(stage, sent)
  const certificate = new X509Certificate(readFileSync(certificateFile))

  await runOrThrow('openssl', [
    ['verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', stage.files.root],
    ['-untrusted', stage.files.issuing, certificateFile],
  ])
  const asked = partsOfRequest(request.csrDer)
  const given = partsOfCertificate(certificate.raw)
  assert.deepEqual(given.subjectDer, asked.subjectDer, 'the subject is that of the CSR')
  assert.deepEqual(given.sanDer, asked.sanDer, 'the alternative names are those of the CSR')
  assert.deepEqual(given.spkiDer, asked.spkiDer, 'the key is that of the CSR')
  // OpenSSL's own reading, so that two undefined values cannot agree by an oversight of ours.
  assert.equal(given.sanDer !== undefined, certificate.subjectAltName !== undefined)

  const issued = (await stage.connector.events({ channel: 'operational' })).find(
    (one) => one.eventId === 4006 && isSameSerial(one['serialNumber'], certificate.serialNumber),
  )
  assert.ok(issued !== undefined, `event 4006 names ${certificate.serialNumber}`)
  const steps = isIntune ? [4003, 4004, 4006, 4008] : [4003, 4004, 4006]
  const told = await stage.eventsOf(String(issued.transactionId), steps.length + 1)
  assert.deepEqual(idsOf(told, 'operational'), steps)
  assert.deepEqual(idsOf(told, 'admin'), [4000])
  assert.equal(told.find(({ eventId }) => eventId === 4003)?.['messageType'], messageType)
  return request
}

/**
 * Checks that the last request was refused before anything was signed: these events for it and no other.
 *
 * @param operational ids in order, after which Admin event 4001 alone is expected
 */
export async function checkRefusal(
  stage: Stage,
  operational: readonly number[],
): Promise<OpenedMessage> {
  const sent = stage.tap.take().at(-1)
  assert.ok(sent !== undefined, 'a PKIOperation crossed the wire')
  const last = (await stage.connector.events({ channel: 'admin' })).at(-1)
  assert.ok(last !== undefined, 'an Admin event tells of the refusal')
  const told = await stage.eventsOf(String(last.transactionId), operational.length + 1)
  assert.deepEqual(idsOf(told, 'operational'), operational)
  assert.deepEqual(idsOf(told, 'admin'), [4001])
  return await openTappedMessage(stage, sent)
}

function idsOf(records: readonly EventRecord[], channel: 'admin' | 'operational'): number[] {
  return records.filter((one) => one.channel === channel).map(({ eventId }) => eventId)
}

function isSameSerial(logged: unknown, serialHex: string): boolean {
  return typeof logged === 'string' && BigInt(`0x${logged}`) === BigInt(`0x${serialHex}`)
}
