import { z } from 'zod'

/** Bodies of the played service, read from the contract and not from the client. Unknown members are ignored. */

const text = z.string().min(1).max(4096)
const leaseSeconds = z.number().int().positive()
const pem = z.string().min(1).max(16_384)

const features = z.object({
  scep: z.boolean(),
  pkcs: z.boolean(),
  pkcsImport: z.boolean(),
  revocation: z.boolean(),
})

/** `POST /connectors/{id}/renew`. */
export const renewBody = z.object({ csr: pem, encryptionPublicKeyCsr: pem })

/** `POST /connectors/enroll`. */
export const enrolBody = renewBody.extend({
  enrollmentToken: text,
  machineName: text,
  displayName: text,
  connectorVersion: text,
  features,
})

/** `PATCH /connectors/{id}`. */
export const changeBody = z.object({
  displayName: text.optional(),
  machineName: text.optional(),
  connectorVersion: text.optional(),
  features: features.optional(),
  paused: z.boolean().optional(),
  keyRing: z
    .array(
      z.object({
        providerName: text,
        keyName: text,
        spkiSha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .max(200)
    .optional(),
})

/** `POST …/download…`. Microsoft's body, without our members, is valid too. */
export const downloadBody = z.object({
  downloadParameters: z.object({
    maxRequests: z.number().int().min(1),
    issuerName: z.string().nullish(),
    leaseSeconds: leaseSeconds.optional(),
    waitSeconds: z.number().int().min(0).optional(),
    certificationAuthorities: z.array(text).optional(),
    routingTags: z.array(text).optional(),
  }),
})

/** `POST …/upload…`. What a result holds beside these is kept as it came. */
export const uploadBody = z.object({
  results: z
    .array(
      z.looseObject({
        requestContext: text,
        leaseId: text,
        attempt: z.number().int(),
        succeeded: z.boolean(),
        errorCode: z.union([z.string(), z.number()]),
        errorMessage: z.string().nullable(),
      }),
    )
    .min(1)
    .max(500),
})

const leases = z
  .array(
    z.object({
      requestContext: text,
      leaseId: text,
      leaseSeconds: leaseSeconds.optional(),
      caRequestId: text.optional(),
      retryAfterSeconds: z.number().int().positive().max(86_400).default(60),
    }),
  )
  .min(1)
  .max(500)

/** `POST …/renewLeases`. */
export const renewLeasesBody = z.object({ leases })

/** `POST …/releaseLeases`. */
export const releaseLeasesBody = z.object({
  leases,
  reason: z.enum(['drain', 'noKey', 'caUnreachable', 'caPending']),
})

/** `POST /ConnectorHealth/uploadHealthMessages`. */
export const healthBody = z.object({
  connectorId: text,
  connectorVersion: text,
  machineName: text,
  sentDateTime: z.iso.datetime(),
  uptimeSeconds: z.number().int().min(0),
  features,
  messages: z
    .array(
      z.object({
        metricName: text,
        startDateTime: z.iso.datetime(),
        endDateTime: z.iso.datetime(),
        successCount: z.number().int().min(0),
        failureCount: z.number().int().min(0),
        p95Ms: z.number().int().min(0).optional(),
      }),
    )
    .max(5000),
  checks: z.array(
    z.object({
      name: text,
      status: z.enum(['pass', 'warn', 'fail']),
      detail: z.string().optional(),
      observedDateTime: z.iso.datetime(),
    }),
  ),
  queues: z.object({
    journalPending: z.number().int(),
    spoolPending: z.number().int(),
    oldestSpoolSeconds: z.number().int(),
  }),
})
