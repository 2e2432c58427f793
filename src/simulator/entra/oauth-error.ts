import { randomUUID } from 'node:crypto'
import type { Answer } from '../wire/answer.ts'

/** Refusals of the token endpoint: OAuth error, HTTP status, AADSTS number. */
const refusals = {
  unsupportedGrant: ['unsupported_grant_type', 400, 70003],
  missingParameter: ['invalid_request', 400, 900144],
  unknownTenant: ['invalid_request', 400, 90002],
  unknownApp: ['unauthorized_client', 400, 700016],
  missingCredential: ['invalid_client', 401, 7000218],
  wrongSecret: ['invalid_client', 401, 7000215],
  wrongAssertion: ['invalid_client', 401, 700027],
  wrongScope: ['invalid_scope', 400, 1002012],
  unknownResource: ['invalid_resource', 400, 500011],
} as const

/** Why no token was given. */
export type TokenRefusal = keyof typeof refusals

/** The error body of Entra ID. @param text goes into `error_description`; no secret */
export function answerTokenRefusal(kind: TokenRefusal, text: string, now: Date): Answer {
  const [error, status, number] = refusals[kind]
  const [traceId, correlationId] = [randomUUID(), randomUUID()]
  const timestamp = now
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z')
  return {
    status,
    json: {
      error,
      error_description: `AADSTS${number}: ${text} Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
      error_codes: [number],
      timestamp,
      trace_id: traceId,
      correlation_id: correlationId,
    },
  }
}
