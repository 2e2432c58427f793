import { ConnectorError, toBase64 } from '../../kernel/index.ts'
import type { ScepNotifier, ScepValidator } from '../ports.ts'
import { getResultCode } from './result-codes.ts'
import type { RunWithRetries } from './retry-policy.ts'
import { encodeNotificationBody, encodeValidateBody } from './scep-bodies.ts'
import type { SendScepCall } from './scep-call.ts'
import { beginRepairs, nameActivity } from './service-call.ts'
import type { IntuneSettings } from './settings.ts'

/**
 * Validates challenges with Intune. A refusal is Intune's HTTP 200 with any code but Success, known or not.
 * Repeats within the budget; repeating has no effect at Intune. A CSR without a challenge is refused here: Intune
 * would say the same, and a stranger should not be able to make us ask.
 *
 * @see intune-api.md, 3.2, 3.5, 3.7
 */
export function createIntuneValidator(
  settings: IntuneSettings,
  send: SendScepCall,
  runWithRetries: RunWithRetries,
): ScepValidator {
  return {
    async validate(challenge, signal) {
      const body = encodeValidateBody(challenge, settings.provider)
      if (challenge.challenge === undefined || challenge.challenge === '') {
        const reason = 'the request has no challenge; Intune was not asked'
        return { kind: 'refused', code: 'ChallengePasswordMissing', reason }
      }
      const call = {
        action: 'validateRequest' as const,
        body,
        activityId: challenge.activityId,
        secrets: [challenge.challenge, toBase64(challenge.csrDer)],
      }
      const limit = AbortSignal.any([signal, AbortSignal.timeout(settings.budgetMs)])
      const repairs = beginRepairs()
      const answer = await nameActivity(
        runWithRetries(() => send(call, repairs, limit), limit),
        call.activityId,
      )
      const requestId = requestIdOf(answer.serverRequestId)
      const { code, outcome } = getResultCode(answer.code)
      if (outcome === 'success') return { kind: 'accepted', ...requestId }
      const reason = answer.description === '' ? 'Intune gave no description' : answer.description
      return { kind: 'refused', code, reason, ...requestId }
    },
  }
}

/**
 * Reports outcomes to Intune. One attempt, apart from a fresh token and a fresh address: the courier repeats.
 *
 * @see intune-api.md, 3.3, 3.4
 */
export function createIntuneNotifier(settings: IntuneSettings, send: SendScepCall): ScepNotifier {
  return {
    async notify(notification, activityId, signal) {
      const body = encodeNotificationBody(notification, settings.provider)
      if (activityId.trim() === '') throw new ConnectorError('internal/bug', 'activityId is blank')
      const call = {
        action: `${notification.kind}Notification` as const,
        body,
        activityId,
        secrets: [toBase64(notification.csrDer)],
      }
      const limit = AbortSignal.any([signal, AbortSignal.timeout(settings.budgetMs)])
      const repairs = beginRepairs()
      const answer = await nameActivity(send(call, repairs, limit), activityId)
      if (getResultCode(answer.code).outcome === 'success')
        return requestIdOf(answer.serverRequestId)
      throw new ConnectorError(
        'management/bad-response',
        `Intune ${call.action} answered code ${answer.code}: ${answer.description}`,
        { httpStatus: 200, activityId: repairs.lastActivityId },
      )
    },
  }
}

function requestIdOf(serverRequestId: string | undefined): { readonly serverRequestId?: string } {
  return serverRequestId === undefined ? {} : { serverRequestId }
}
