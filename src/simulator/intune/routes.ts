import { Router } from 'express'
import type { ServiceKind, ServiceMap } from '../graph/service-map.ts'
import { type Answer, type Handler, type Hop, odataError } from '../wire/answer.ts'
import type { Exchange } from '../wire/exchange.ts'
import type { CaRequestsService } from './ca-requests-service.ts'
import type { ScepService } from './scep-service.ts'

/** The Intune services under the URIs of the present scale unit; those of an earlier one answer 404. */
export function intuneRoutes(
  exchange: Exchange,
  services: ServiceMap,
  scep: ScepService,
  caRequests: CaRequestsService,
): Router {
  const router = Router()
  const post = (kind: ServiceKind, suffix: string, hop: Hop, handler: Handler): void => {
    const present = new URL(`${services.uriOf(kind)}/${suffix}`).pathname
    const everyUnit = present.replace(`/${services.scaleUnit}/`, '/:scaleUnit/')
    router.post(
      everyUnit,
      exchange.playHop(hop, (call) => {
        const here = new URL(`${services.uriOf(kind)}/${suffix}`).pathname
        return call.path === here ? handler(call) : notHere
      }),
    )
  }
  post('scep', 'ScepActions/validateRequest', 'validate', (call) => scep.validate(call))
  post('scep', 'ScepActions/successNotification', 'success', (call) => scep.notifySuccess(call))
  post('scep', 'ScepActions/failureNotification', 'failure', (call) => scep.notifyFailure(call))
  post('pki', 'CertificateAuthorityRequests/downloadRevocationRequests', 'download', (call) =>
    caRequests.download(call),
  )
  post('pki', 'CertificateAuthorityRequests/uploadRevocationResults', 'upload', (call) =>
    caRequests.upload(call),
  )
  return router
}

const notHere: Answer = odataError(404, 'NotFound', 'The tenant is not in this scale unit.')
