import { ConnectorError } from '../../kernel/index.ts'
import { cleanText } from '../http/plain-text.ts'
import { parseScepResult, type ScepResult } from './scep-bodies.ts'
import {
  describeCall,
  type Repairs,
  type SendServiceCall,
  type ServiceAnswer,
  type ServiceCall,
} from './service-call.ts'

/** Name that Graph lists the SCEP service under. */
export const SCEP_SERVICE = 'ScepRequestValidationFEService'

/** One SCEP action, ready to send. */
export interface ScepCall {
  readonly action: 'validateRequest' | 'successNotification' | 'failureNotification'
  readonly body: string
  /** `client-request-id` of the first POST; repetitions get fresh ones. */
  readonly activityId: string
  /** Texts inside the body that must not reach an error: the CSR and the challenge. */
  readonly secrets: readonly string[]
}

/** What Intune decided, and its own id for the call. */
export interface ScepAnswer extends ScepResult {
  readonly serverRequestId: string | undefined
}

/**
 * Sends one SCEP action.
 *
 * @throws ConnectorError as the ports say; whatever is not 200 to 299 with a readable `code` is thrown
 */
export type SendScepCall = (
  call: ScepCall,
  repairs: Repairs,
  signal: AbortSignal,
) => Promise<ScepAnswer>

/** The SCEP actions over the sender of the tenant. */
export function createScepSender(apiVersion: string, send: SendServiceCall): SendScepCall {
  return async ({ action, body, activityId, secrets }, repairs, signal) => {
    const call: ServiceCall = {
      service: SCEP_SERVICE,
      path: `ScepActions/${action}`,
      apiVersion,
      body,
      activityId,
      secrets,
    }
    return parseAnswer(await send(call, repairs, signal), call)
  }
}

function parseAnswer(answer: ServiceAnswer, call: ServiceCall): ScepAnswer {
  const { secrets, serverRequestId: id } = answer
  const result = parseScepResult(answer.body)
  if (result === undefined) {
    const found = answer.body.trim() === '' ? 'an empty body' : 'no JSON object with a code'
    throw new ConnectorError(
      'management/bad-response',
      `${describeCall(call)} answered HTTP ${answer.status} with ${found}: it counts as no`,
      { httpStatus: answer.status, activityId: answer.activityId, isTransient: true },
    )
  }
  return {
    code: cleanText(result.code, secrets, 100),
    description: cleanText(result.description, secrets),
    serverRequestId: id === undefined ? undefined : cleanText(id, secrets, 100),
  }
}
