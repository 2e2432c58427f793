import { randomUUID } from 'node:crypto'
import type { z } from 'zod'
import type { Answer, Call } from '../wire/answer.ts'
import { parseBodyJson } from '../wire/body-text.ts'
import type { Connector, ConnectorRegister } from './connectors.ts'
import { fingerprintOf } from './fleet-ca.ts'

/** The version of the contract that is played. */
export const OPEN_API_VERSION = '2025-01-01'

/** A problem of one member. */
export interface Detail {
  readonly target: string
  readonly code: string
  readonly message: string
}

/** A failure as the contract writes it. */
export function serviceError(
  call: Call,
  status: number,
  code: string,
  message: string,
  details: readonly Detail[] = [],
): Answer {
  const activityId = call.headers['client-request-id']
  return {
    status,
    json: {
      error: {
        code,
        message,
        ...(details.length === 0 ? {} : { details }),
        innerError: {
          'request-id': randomUUID(),
          ...(typeof activityId === 'string' ? { 'client-request-id': activityId } : {}),
          date: new Date().toISOString(),
        },
      },
    },
  }
}

/** The body of a call whose version is right, or the answer 400 or 415. */
export function readCall<T>(call: Call, schema: z.ZodType<T>): { readonly body: T } | Answer {
  if (call.headers['api-version'] !== OPEN_API_VERSION)
    return serviceError(
      call,
      400,
      'UnsupportedApiVersion',
      `The header api-version must be ${OPEN_API_VERSION}.`,
    )
  if (!call.headers['content-type']?.startsWith('application/json'))
    return serviceError(call, 415, 'UnsupportedMediaType', 'Send application/json.')
  const parsed = schema.safeParse(parseBodyJson(call.body))
  if (parsed.success) return { body: parsed.data }
  const details = parsed.error.issues.slice(0, 20).map(({ path, message, code }) => ({
    target: path.join('.'),
    code,
    message,
  }))
  return serviceError(call, 400, 'ParameterDataInvalid', 'Members are wrong.', details)
}

/** Whose call it is, by the certificate of the TLS client, or the answer 401. */
export function recogniseCaller(
  call: Call,
  connectors: ConnectorRegister,
): { readonly connector: Connector } | Answer {
  const certificate = call.clientCertificate
  const connector = certificate && connectors.recognise(fingerprintOf(certificate))
  if (connector) return { connector }
  const why = certificate
    ? 'The certificate is none of this fleet, or has ended.'
    : 'No certificate.'
  return serviceError(call, 401, 'Unauthorized', why)
}
