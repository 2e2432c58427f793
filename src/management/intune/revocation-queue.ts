import { ConnectorError } from '../../kernel/index.ts'
import { cleanText } from '../http/plain-text.ts'
import type { WorkCall, WorkQueue } from '../work-queue.ts'
import {
  encodeDownloadBody,
  encodeUploadBody,
  parseDownloadResult,
  parseUploadResult,
} from './revocation-bodies.ts'
import {
  beginRepairs,
  describeCall,
  nameActivity,
  type SendServiceCall,
  type ServiceAnswer,
  type ServiceCall,
} from './service-call.ts'
import type { IntuneSettings } from './settings.ts'

/** Name that Graph lists the service of CA requests under. */
export const PKI_SERVICE = 'PkiConnectorFEService'

/** As Microsoft's libraries check before they send. */
const MAX_REQUESTS = 500

/**
 * Revocation requests that Intune keeps for third-party CAs. There are no leases and no reasons: the same request comes
 * again an hour after a download, to anybody of the tenant, until a result that is final was uploaded for it.
 *
 * @see intune-api.md, chapter 4
 */
export function createIntuneRevocations(
  settings: IntuneSettings,
  send: SendServiceCall,
): WorkQueue<'revocation'> {
  async function post(
    action: 'downloadRevocationRequests' | 'uploadRevocationResults',
    body: string,
    secrets: readonly string[],
    { activityId, signal }: WorkCall,
  ): Promise<{ readonly call: ServiceCall; readonly answer: ServiceAnswer }> {
    const call: ServiceCall = {
      service: PKI_SERVICE,
      path: `CertificateAuthorityRequests/${action}`,
      apiVersion: settings.revocationApiVersion,
      body,
      activityId,
      secrets,
    }
    const limit = AbortSignal.any([signal, AbortSignal.timeout(settings.budgetMs)])
    return { call, answer: await nameActivity(send(call, beginRepairs(), limit), activityId) }
  }

  return {
    name: 'intune/revocation',
    kind: 'revocation',
    limits: { maxItems: MAX_REQUESTS, maxWaitSeconds: 0 },

    async download(parameters) {
      const body = encodeDownloadBody(parameters.maxItems)
      const { call, answer } = await post('downloadRevocationRequests', body, [], parameters)
      const downloaded = parseDownloadResult(answer.body)
      if (downloaded === undefined) throw badAnswer(call, answer, 'no list of requests in value')
      const { serverRequestId: id, secrets } = answer
      const { items, unreadable, passedOver } = downloaded
      return {
        ...downloaded,
        // There is no paging: a full list is the only sign of more.
        moreAvailable: items.length + unreadable.length + passedOver >= parameters.maxItems,
        ...(id === undefined ? {} : { serverRequestId: cleanText(id, secrets, 100) }),
      }
    },

    async upload(results, call) {
      const body = encodeUploadBody(results, settings.revocationErrorCodes)
      const contexts = results.map(({ requestContext }) => requestContext)
      const sent = await post('uploadRevocationResults', body, contexts, call)
      if (!parseUploadResult(sent.answer.body))
        throw badAnswer(sent.call, sent.answer, 'no value true: the results count as not recorded')
      return contexts.map((requestContext) => ({ requestContext, outcome: 'recorded' }))
    },
  }
}

function badAnswer(call: ServiceCall, answer: ServiceAnswer, found: string): ConnectorError {
  return new ConnectorError(
    'management/bad-response',
    `${describeCall(call)} answered HTTP ${answer.status} with ${found}`,
    { httpStatus: answer.status, activityId: answer.activityId, isTransient: true },
  )
}
