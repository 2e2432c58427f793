import { ConnectorError } from '../../kernel/index.ts'
import {
  type CertificateRules,
  checkCertificatePolicy,
  type PolicyVerdict,
} from '../policy/certificate-policy.ts'
import { chooseCertificateRules } from '../policy/certificate-template.ts'
import { findDirectorySubject } from '../policy/directory-subject.ts'
import { findKeyProblem } from '../policy/key-check.ts'
import type { EnrolmentContext } from '../ports.ts'
import type { Work } from './enrolment-work.ts'

/**
 * Whether the key may be certified at all, which rules a request falls under, and what they say. An extension that
 * chooses rules and cannot be read is the fault of the request. The directory is asked for a SID only where the rules
 * want it.
 *
 * @throws ConnectorError as `SidDirectory`: an outage waits as any other (REQ-150)
 */
export async function decideByRules(work: Work, context: EnrolmentContext): Promise<PolicyVerdict> {
  const { csr } = work.request
  const { templates, certificate } = work.profile
  const { blockedKeys, clock } = work.ports
  try {
    const rules = chooseCertificateRules(csr, templates, certificate, work.urlParams)
    const verdict =
      rules.sid === 'verified'
        ? await decideWithDirectory(work, rules, context)
        : checkCertificatePolicy(csr, rules, clock.now())
    if (verdict.kind === 'refused') return verdict
    const problem = findKeyProblem(csr, blockedKeys)
    return problem === undefined ? verdict : { kind: 'refused', reason: problem, about: 'key' }
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.code !== 'pki/malformed') throw error
    return { kind: 'refused', reason: error.message }
  }
}

async function decideWithDirectory(
  { request: { csr }, profile, ports, log }: Work,
  rules: CertificateRules,
  { requestId, signal }: EnrolmentContext,
): Promise<PolicyVerdict> {
  const named = findDirectorySubject(csr)
  if (named.kind === 'unclear') return { kind: 'refused', reason: named.problem }
  if (profile.sids === undefined)
    throw new ConnectorError('internal/bug', `profile ${profile.name} has no directory to ask`)
  const sid =
    named.kind === 'nobody'
      ? undefined
      : await profile.sids.findSid(named.subject, requestId, signal)
  if (sid === undefined)
    log.debug(
      'operational',
      named.kind === 'nobody'
        ? 'the request names nobody that a directory could know'
        : `the directory has no SID for the ${named.subject.kind} of the request`,
    )
  return checkCertificatePolicy(csr, rules, ports.clock.now(), sid)
}
