import { describeError } from '../../kernel/index.ts'
import { refusalForChallenge } from '../../scep/index.ts'
import type { Ending, Refused, Work } from './enrolment-work.ts'

/**
 * Looks, once the intent is on record, whether a one-time challenge is still bound to this request: from here on nobody can
 * free it. Without this look a request that was slow could issue after another had taken its challenge over.
 *
 * @returns why it must not be signed; undefined: go on, also where challenges are not bound to requests
 * @throws ConnectorError `store/unavailable`
 */
export async function checkChallengeBinding(work: Work): Promise<Refused | undefined> {
  const { bindings } = work.profile.validator
  // Who was let in by an operator or by the old certificate has no challenge to hold.
  if (bindings === undefined || work.isApproved) return undefined
  if (work.request.csr.challengePassword === undefined) return undefined
  if (await bindings.isBound(work.requestKey)) return undefined
  const code = 'ChallengeAlreadyUsed'
  return {
    code,
    reason: 'another request took the challenge over meanwhile',
    refusal: refusalForChallenge(code),
  }
}

/**
 * Frees a one-time challenge whose request got a FAILURE, so that the device may come with another request. Where that
 * cannot be written it frees itself after ten minutes.
 */
export async function releaseChallenge(work: Work, { reply, outcome }: Ending): Promise<void> {
  const { bindings } = work.profile.validator
  if (bindings === undefined || reply.status !== 'FAILURE' || outcome === 'challenge-refused')
    return
  try {
    await bindings.release(work.requestKey)
  } catch (error) {
    work.log.debug('operational', `the challenge stays bound: ${describeError(error)}`)
  }
}
