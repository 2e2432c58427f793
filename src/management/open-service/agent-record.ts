import { type KeyObject, X509Certificate } from 'node:crypto'
import * as z from 'zod'
import { ConnectorError } from '../../kernel/index.ts'
import { guid } from './wire/values.ts'

const pem = z.string().min(1).max(65_536)

/** With certificates of a quarter of a year, some five years. */
export const MAX_EARLIER = 30

const recordSchema = z.object({
  /** Counts key pairs; stands in the names of their files. */
  generation: z.int().min(1),
  connectorId: guid,
  certificatePem: pem,
  encryptionCertificatePem: pem,
  /** The fleet CA, issuer first, root last. */
  chainPem: pem,
  enrolledAt: z.iso.datetime(),
  /** Encryption certificates of before, the latest first: escrow copies for them are still about. */
  earlierEncryption: z
    .array(z.object({ generation: z.int().min(1), certificatePem: pem }))
    .max(MAX_EARLIER)
    .default([]),
})

/** What is kept of an enrolment; the keys are in files of their own. */
export type AgentRecord = z.output<typeof recordSchema>

/** @throws ConnectorError `key/unreadable` the file is not what was written */
export function parseAgentRecord(text: string): AgentRecord {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    json = undefined
  }
  const parsed = recordSchema.safeParse(json)
  if (parsed.success) return parsed.data
  throw new ConnectorError(
    'key/unreadable',
    'the record of the enrolment at the connector service is damaged; restore it from the backup, or delete the folder open-service under dataDir and enrol again',
  )
}

/** When a certificate is renewed: at two thirds of its life. */
export function renewalDueAt(certificatePem: string): Date {
  const { validFromDate, validToDate } = new X509Certificate(certificatePem)
  const lifeMs = validToDate.getTime() - validFromDate.getTime()
  return new Date(validFromDate.getTime() + (lifeMs * 2) / 3)
}

/** The whole state of an identity in use. */
export interface Agent {
  readonly record: AgentRecord
  readonly key: KeyObject
}
