import { createHttpClient } from '../http/http-client.ts'
import type {
  ManagementHealth,
  PfxImports,
  ScepNotifier,
  ScepValidator,
  SidDirectory,
} from '../ports.ts'
import type { WorkQueue } from '../work-queue.ts'
import { createServiceMapRequest } from './endpoint-list.ts'
import { createGraphReader } from './graph-object.ts'
import { createIntuneHealth } from './health.ts'
import type { IntuneOptions } from './options.ts'
import { createIntuneProbe, type IntuneProbe } from './probe.ts'
import { createRetries } from './retry-policy.ts'
import { createIntuneRevocations } from './revocation-queue.ts'
import { createScepSender } from './scep-call.ts'
import { createIntuneNotifier, createIntuneValidator } from './scep-service.ts'
import { createServiceSender } from './service-call.ts'
import { createServiceLocator } from './service-locator.ts'
import { parseOptions } from './settings.ts'
import { createSidDirectory } from './sid-directory.ts'
import { createTokenRequest } from './token-request.ts'
import { createTokenSource } from './token-source.ts'
import { createUserPfxCertificates } from './user-pfx-certificates.ts'

/** A running client of one tenant. */
export interface IntuneClient {
  readonly validator: ScepValidator
  readonly notifier: ScepNotifier
  readonly sids: SidDirectory
  readonly pfxImports: PfxImports
  /** Polls nothing by itself: the work loop does. */
  readonly revocations: WorkQueue<'revocation'>
  readonly health: ManagementHealth
  readonly probe: IntuneProbe
  /** Gives up what runs and closes the connections. */
  close(): Promise<void>
}

/**
 * Builds the client of Intune's APIs for SCEP and for revocation, for one tenant. Does no network call before it
 * is asked something.
 *
 * @throws ConnectorError `management/misconfigured` an option cannot be right; the message names all of them
 */
export function createIntune(options: IntuneOptions): IntuneClient {
  const settings = parseOptions(options)
  const closing = new AbortController()
  const http = createHttpClient({ ...settings, userAgent: settings.provider })
  const tokens = createTokenSource(
    createTokenRequest(settings, http),
    settings.clock,
    closing.signal,
  )
  const requestServiceMap = createServiceMapRequest(settings, http, tokens)
  const locator = createServiceLocator(settings, requestServiceMap, closing.signal)
  const send = createServiceSender(settings, http, tokens, locator)
  const sendScep = createScepSender(settings.scepApiVersion, send)
  return {
    validator: createIntuneValidator(settings, sendScep, createRetries(settings)),
    notifier: createIntuneNotifier(settings, sendScep),
    sids: createSidDirectory(
      settings,
      createGraphReader(settings, http, tokens),
      createRetries(settings),
      closing.signal,
    ),
    pfxImports: createUserPfxCertificates(settings, http, tokens, createRetries(settings)),
    revocations: createIntuneRevocations(settings, send),
    health: createIntuneHealth(settings, tokens, locator),
    probe: createIntuneProbe(settings, tokens, locator),
    async close() {
      closing.abort()
      await http.close()
    },
  }
}
