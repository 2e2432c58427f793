import type { z } from 'zod'
import type { Bearer, TokenIssuer } from '../entra/tokens.ts'
import { type Answer, type Call, odataError } from '../wire/answer.ts'
import { parseBodyJson } from '../wire/body-text.ts'

/** api-version of the SCEP actions. */
export const SCEP_API_VERSION = '2018-02-20'

/** api-version of the CA requests. The year is right. */
export const CA_REQUESTS_API_VERSION = '5019-05-05'

/** The role that every POST needs. */
const ROLE = 'scep_challenge_provider'

/** A call that may be decided. */
export interface Admitted<T> {
  readonly bearer: Bearer
  readonly body: T
}

/**
 * Lets a call in: token of the right audience with the role, api-version as a header, body of the right shape, in this
 * order.
 *
 * @returns what the service needs, or the answer 401 or 400
 */
export async function admitCall<T>(
  call: Call,
  tokens: TokenIssuer,
  apiVersions: readonly string[],
  schema: z.ZodType<T>,
): Promise<Admitted<T> | Answer> {
  const bearer = await tokens.findBearer(call.headers.authorization, 'intune')
  if (!bearer) {
    return odataError(401, 'Unauthorized', 'No valid access token for the Intune API was sent.')
  }
  if (!bearer.roles.includes(ROLE)) {
    return odataError(401, 'Unauthorized', `The access token does not contain the role ${ROLE}.`)
  }
  const version = call.headers['api-version']
  if (typeof version !== 'string' || !apiVersions.includes(version)) {
    return odataError(
      400,
      'BadRequest',
      `The header api-version must be ${apiVersions.join(' or ')}.`,
    )
  }
  const parsed = schema.safeParse(parseBodyJson(call.body))
  if (parsed.success) return { bearer, body: parsed.data }
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  return odataError(400, 'BadRequest', `The body is not valid. ${problems.join('; ')}`)
}
