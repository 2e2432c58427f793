import * as z from 'zod'
import { serviceUrl } from './values.ts'

const count = (most: number) => z.int().min(1).max(most)

/** Where the service is, and within what bounds. */
export const discovery = z
  .object({
    service: z.literal('open-connector-service'),
    apiVersions: z.array(z.string().max(32)).min(1).max(32),
    endpoints: z
      .object({ work: serviceUrl, health: serviceUrl, enrollment: serviceUrl })
      .meta({ description: 'Base URLs, all at the origin of the discovery.' }),
    limits: z.object({
      maxRequests: count(1000),
      maxRevocationRequests: count(1000),
      maxBodyBytes: z.int().min(65_536).max(67_108_864),
      maxWaitSeconds: z.int().min(0).max(300),
      minLeaseSeconds: count(3600),
      maxLeaseSeconds: count(86_400),
    }),
    releaseManifestUrl: serviceUrl.optional(),
  })
  .meta({ id: 'Discovery' })
