import type { EventFields } from './types.ts'

/** How a field is written: JSON has no dates, so `time` is ISO 8601 in UTC with milliseconds. */
export type FieldKind = 'text' | 'number' | 'boolean' | 'time'

interface FieldDescription {
  readonly kind: FieldKind
  readonly group: 'Correlation' | 'Request' | 'CA' | 'Certificate' | 'Import' | 'Result'
  /** For docs/events.md. */
  readonly meaning: string
}

const text = (group: FieldDescription['group'], meaning: string): FieldDescription => ({
  kind: 'text',
  group,
  meaning,
})
const number = (group: FieldDescription['group'], meaning: string): FieldDescription => ({
  kind: 'number',
  group,
  meaning,
})
const boolean = (group: FieldDescription['group'], meaning: string): FieldDescription => ({
  kind: 'boolean',
  group,
  meaning,
})
const time = (group: FieldDescription['group'], meaning: string): FieldDescription => ({
  kind: 'time',
  group,
  meaning,
})

/** What an event may carry, besides what every event carries. A field that is not here is not written. */
export const eventFields: Readonly<Record<keyof EventFields, FieldDescription>> = {
  transactionId: text('Correlation', 'One request, end to end; for SCEP the transactionID'),
  activityId: text('Correlation', 'One HTTP call: the `client-request-id` that we sent'),
  serverRequestId: text('Correlation', 'The `request-id` that the service answered'),
  requestId: text('Correlation', 'All events of one request of a device'),
  batchId: text('Correlation', 'One download of a queue'),
  leaseId: text('Correlation', 'The lease under which a request was worked on'),
  requestContextHash: text(
    'Correlation',
    'First 16 hexadecimal digits of the SHA-256 of the request context, never the context',
  ),
  notificationId: text('Correlation', 'A notification that the management service is owed'),
  attempt: number('Correlation', 'Attempts made so far, this one included'),
  profile: text('Request', 'Profile of this connector that the request came for'),
  messageType: text('Request', 'SCEP messageType, by name'),
  remoteAddress: text('Request', 'Address of the sender, as the trusted proxies report it'),
  deviceId: text('Request', 'Device of the request'),
  userId: text('Request', 'User of the request'),
  userPrincipalName: text('Request', 'Name of that user'),
  profileId: text('Request', 'Profile of the management service'),
  platform: text('Request', 'Operating system of the device'),
  certificateType: text('Request', 'User or device certificate'),
  challengeLength: number('Request', 'Length of the challenge in characters'),
  challengeHash: text(
    'Request',
    'First 16 hexadecimal digits of a keyed hash of the challenge: tells equal from different, nothing else',
  ),
  caId: text('CA', 'CA backend, as in the configuration'),
  caProvider: text('CA', 'Kind of the CA backend'),
  caName: text('CA', 'Name of the CA'),
  caConfiguration: text('CA', 'How the management service names the CA'),
  templateName: text('CA', 'Template, role or profile at the CA'),
  caRequestId: text('CA', 'Number that the CA gave the request'),
  disposition: text('CA', 'What the CA decided'),
  subject: text('Certificate', 'Subject, RFC 4514'),
  serialNumber: text('Certificate', 'Serial number, upper-case hexadecimal'),
  thumbprint: text('Certificate', 'SHA-1 of the certificate, upper-case hexadecimal'),
  thumbprintSha256: text('Certificate', 'SHA-256 of the certificate, upper-case hexadecimal'),
  notBefore: time('Certificate', 'Start of validity'),
  notAfter: time('Certificate', 'End of validity'),
  keySize: number('Certificate', 'Bits of the public key'),
  keyAlgorithm: text('Certificate', 'Algorithm of the public key'),
  sidExtension: boolean('Certificate', 'Whether the certificate carries a security identifier'),
  providerName: text('Import', 'Key storage provider of the import key'),
  keyName: text('Import', 'Name of the import key'),
  paddingScheme: text('Import', 'RSA padding of the encrypted password'),
  intendedPurpose: text('Import', 'What the imported certificate is for'),
  deviceKeyThumbprint: text('Import', 'Certificate of the device that the PFX is sealed for'),
  succeeded: boolean('Result', 'Whether it worked'),
  errorCode: text('Result', 'Code of this connector (`area/what-happened`) or of the service'),
  hresult: text('Result', 'Windows error code, `0x%08X`'),
  errorMessage: text('Result', 'What went wrong, for people'),
  retryable: boolean('Result', 'Whether the same again can succeed'),
  nextAttemptAt: time('Result', 'When it is tried again'),
  durationMs: number('Result', 'How long it took, in milliseconds'),
  httpStatus: number('Result', 'HTTP status of the answer'),
  count: number('Result', 'How many'),
  redelivered: boolean('Result', 'Delivered after the online attempts had been used up'),
  replayed: boolean('Result', 'Answered from an earlier result, or taken from the spool'),
  detail: text('Result', 'Anything else, for people'),
}

/** What every record carries, in the order in which it is written. */
export const commonFields: Readonly<Record<string, string>> = {
  timestamp: 'When, ISO 8601 in UTC with milliseconds',
  eventId: 'Number of the event',
  eventName: 'Name of the event, as published',
  channel: '`admin` or `operational`',
  taskCategory: 'Task category',
  level: '`information`, `warning`, `error`, or `debug` for free text',
  message: 'One sentence for people',
  connectorId: 'This installation',
  connectorName: 'Its name, from the configuration',
  connectorVersion: 'Its version',
  machineName: 'The machine or container it runs on',
  tenantId: 'The tenant it serves, when there is one',
  instanceSeq: 'Rises by one with each event of a process; a gap is a lost line',
  refusedFields:
    'Names of fields that are not in this schema and were left out: a mistake in the program',
}
