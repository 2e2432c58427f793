import type { Clock } from '../../kernel/index.ts'
import { checkChallenge } from '../challenge/check.ts'
import type { ChallengeKeys } from '../challenge/keys.ts'
import type { Targeting } from '../challenge/targeting.ts'
import type { TokenIssuer } from '../entra/tokens.ts'
import { type Answer, type Call, ok } from '../wire/answer.ts'
import type { Behaviour } from './behaviour.ts'
import { admitCall, CA_REQUESTS_API_VERSION, SCEP_API_VERSION } from './gate.ts'
import { hashRequest, type NotificationLog, type ReceivedNotification } from './notifications.ts'
import { failureBody, successBody, validateBody } from './scep-bodies.ts'
import type { ScepAction, VerdictPlan } from './verdicts.ts'

const SUCCESS = 'Success'

/** What the SCEP actions are made of. */
export interface ScepServiceParts {
  readonly tokens: TokenIssuer
  readonly keys: ChallengeKeys
  readonly targeting: Targeting
  readonly notifications: NotificationLog
  readonly verdicts: VerdictPlan
  /** Asked at every call, because a control call may change it. */
  readonly behaviour: () => Behaviour
  readonly clock: Clock
  /** Base of `@odata.context`. */
  readonly contextUrl: string
}

/** What is common to both kinds of notification when it is recorded. */
type NotificationContent = Omit<
  ReceivedNotification,
  'tenantId' | 'certificateRequestSha256' | 'wasValidated' | 'code' | 'receivedAt'
>

/**
 * validateRequest, successNotification and failureNotification. A refusal is HTTP 200 with a code; HTTP errors mean
 * trouble with the caller.
 *
 * @see protocol note, chapter 3
 */
export class ScepService {
  readonly #parts: ScepServiceParts

  constructor(parts: ScepServiceParts) {
    this.#parts = parts
  }

  /** Decides about a CSR and the challenge inside it. */
  async validate(call: Call): Promise<Answer> {
    const { tokens, keys, targeting, notifications, clock } = this.#parts
    const admitted = await admitCall(call, tokens, this.#apiVersions(), validateBody)
    if ('status' in admitted) return admitted
    const { transactionId, certificateRequest } = admitted.body.request
    const dictated = this.#takeDictated('validate')
    if (dictated) return dictated
    const { tenantId } = admitted.bearer
    const context = { keys, targeting, tenantId, now: clock.now() }
    const refused = checkChallenge(certificateRequest, context)
    if (refused) return this.#encode(refused.code, refused.errorDescription)
    notifications.recordValidated(transactionId, certificateRequest)
    return this.#encode(SUCCESS, '')
  }

  /** Hears that a certificate was issued. */
  async notifySuccess(call: Call): Promise<Answer> {
    const { tokens } = this.#parts
    const admitted = await admitCall(call, tokens, this.#apiVersions(), successBody)
    if ('status' in admitted) return admitted
    const { notification } = admitted.body
    return this.#receive(admitted.bearer.tenantId, notification.certificateRequest, {
      kind: 'success',
      transactionId: notification.transactionId,
      certificateThumbprint: notification.certificateThumbprint,
      certificateSerialNumber: notification.certificateSerialNumber,
      certificateExpirationDateUtc: notification.certificateExpirationDateUtc,
      issuingCertificateAuthority: notification.issuingCertificateAuthority,
      caConfiguration: notification.caConfiguration,
      certificateAuthority: notification.certificateAuthority,
      hResult: null,
      errorDescription: null,
      callerInfo: notification.callerInfo,
    })
  }

  /** Hears that none was issued. */
  async notifyFailure(call: Call): Promise<Answer> {
    const { tokens } = this.#parts
    const admitted = await admitCall(call, tokens, this.#apiVersions(), failureBody)
    if ('status' in admitted) return admitted
    const { notification } = admitted.body
    return this.#receive(admitted.bearer.tenantId, notification.certificateRequest, {
      kind: 'failure',
      transactionId: notification.transactionId,
      certificateThumbprint: null,
      certificateSerialNumber: null,
      certificateExpirationDateUtc: null,
      issuingCertificateAuthority: null,
      caConfiguration: null,
      certificateAuthority: null,
      hResult: notification.hResult,
      errorDescription: notification.errorDescription,
      callerInfo: notification.callerInfo,
    })
  }

  #receive(tenantId: string, certificateRequest: string, content: NotificationContent): Answer {
    const { notifications, verdicts, behaviour, clock } = this.#parts
    const { kind, transactionId } = content
    const wasValidated = notifications.wasValidated(transactionId, certificateRequest)
    const isUnexpected =
      kind === 'success' && !wasValidated && behaviour().successWithoutValidate === 'refuse'
    const code = verdicts.take(kind) ?? (isUnexpected ? 'Unknown' : SUCCESS)
    notifications.record({
      ...content,
      tenantId,
      certificateRequestSha256: hashRequest(certificateRequest),
      wasValidated,
      code,
      receivedAt: clock.now().toISOString(),
    })
    return this.#encode(code, code === SUCCESS ? '' : `The ${kind} notification was refused.`)
  }

  #takeDictated(action: ScepAction): Answer | undefined {
    const code = this.#parts.verdicts.take(action)
    if (code === undefined) return undefined
    return this.#encode(code, code === SUCCESS ? '' : 'Dictated by the control listener.')
  }

  #encode(code: string, errorDescription: string): Answer {
    return ok({
      '@odata.context': `${this.#parts.contextUrl}/$metadata#microsoft.management.services.scepRequestValidationService.api.scepActionResult`,
      code,
      errorDescription,
    })
  }

  #apiVersions(): readonly string[] {
    const isStrict = this.#parts.behaviour().apiVersions === 'strict'
    return isStrict ? [SCEP_API_VERSION] : [SCEP_API_VERSION, CA_REQUESTS_API_VERSION]
  }
}
