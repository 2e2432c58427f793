import * as z from 'zod'
import { anyCase, guid, plainText, requestContext, time } from './values.ts'

/** Codes of a result. Names are Microsoft's `CARequestErrorCode`; from 4100 on they ask for another try. */
export const errorCodes = {
  None: 0,
  NonRetryableServiceException: 4000,
  DataSerializationError: 4001,
  ParameterDataInvalidError: 4002,
  CryptographyError: 4003,
  CertificateNotFoundError: 4004,
  ConflictError: 4005,
  NotSupportedError: 4006,
  PayloadTooLargeError: 4007,
  RetryableServiceException: 4100,
  ServiceUnavailableException: 4101,
  ServiceTooBusyException: 4102,
  AuthenticationException: 4103,
} as const

/** The name of one of them. */
export type WireErrorCode = keyof typeof errorCodes

const errorCode = anyCase(Object.keys(errorCodes) as [WireErrorCode, ...WireErrorCode[]])

/** An item on loan. `attempt` only grows and is the fencing token. */
const lease = z
  .object({ id: guid, expiresDateTime: time, attempt: z.int().min(1).max(1_000_000) })
  .meta({ id: 'Lease' })

/** Asks a queue for work. */
export const downloadRequest = z
  .object({
    downloadParameters: z.object({
      maxRequests: z.int().min(1).max(1000),
      issuerName: z.string().max(4096).nullish(),
      leaseSeconds: z.int().min(1).max(86_400).optional(),
      waitSeconds: z
        .int()
        .min(0)
        .max(300)
        .optional()
        .meta({ description: 'How long the service may hold the answer while nothing is there.' }),
      certificationAuthorities: z
        .array(plainText(512))
        .max(100)
        .optional()
        .meta({ description: 'Only items of these CAs; left out: all.' }),
      routingTags: z.array(plainText(64)).max(32).optional(),
    }),
  })
  .meta({ id: 'DownloadRequest' })

/** What an answer says beside its items. */
const pace = {
  moreAvailable: z.boolean().optional(),
  pollAfterSeconds: z.int().min(0).max(3600).optional(),
}

/** A download, items not yet looked at: one that cannot be read must not cost the others. */
export const downloadAnswer = z.object({ value: z.array(z.unknown()).max(1000), ...pace })

/** The same for the document, with the items named. */
export function downloadAnswerOf<S extends z.ZodType>(item: S) {
  return z.object({ value: z.array(item), ...pace })
}

/** What every item has, whatever else is wrong with it. */
export const itemIdentity = z.object({ requestContext, lease })

/** The same of every result: with which loan it was made. */
export const resultIdentity = {
  requestContext,
  leaseId: guid,
  attempt: z.int().min(1).max(1_000_000),
  succeeded: z.boolean(),
  errorCode,
  errorMessage: z.string().max(1024).nullable(),
}

/** An upload; the header `Idempotency-Key` is the SHA-256 over its sorted pairs of context and attempt. */
export function uploadRequestOf<S extends z.ZodType>(result: S) {
  return z.object({ results: z.array(result).min(1).max(1000) })
}

/** What became of each result. */
export const uploadAnswer = z
  .object({
    value: z.boolean().meta({ description: 'False when one of them is rejected.' }),
    outcomes: z
      .array(
        z.object({
          requestContext,
          outcome: anyCase(['recorded', 'duplicate', 'superseded', 'staleLease', 'rejected']),
          detail: z.string().max(4096).optional(),
        }),
      )
      .max(1000),
  })
  .meta({ id: 'UploadAnswer' })

const leaseReference = { requestContext, leaseId: guid }

/** Prolongs loans. */
export const renewLeasesRequest = z
  .object({
    leases: z
      .array(z.object({ ...leaseReference, leaseSeconds: z.int().min(1).max(86_400) }))
      .min(1)
      .max(1000),
  })
  .meta({ id: 'RenewLeasesRequest' })

/** Either a new end or the word that the loan is lost. */
export const renewLeasesAnswer = z
  .object({
    value: z
      .array(
        z.object({
          requestContext,
          expiresDateTime: time.optional(),
          lost: z.boolean().optional(),
        }),
      )
      .max(1000),
  })
  .meta({ id: 'RenewLeasesAnswer' })

/** Why an item goes back undone. */
const releaseReason = anyCase(['drain', 'noKey', 'caUnreachable', 'caPending'])

/** By which a CA knows a request; enough for whoever polls. */
export const caRequestId = plainText(2048)

/** Gives loans back; this connector is passed over for ten minutes, except after `caPending`. */
export const releaseLeasesRequest = z
  .object({
    leases: z
      .array(
        z.object({
          ...leaseReference,
          caRequestId: caRequestId.optional().meta({ description: 'With `caPending`.' }),
          retryAfterSeconds: z.int().min(1).max(86_400).optional().meta({
            description: 'With `caPending`: the item is not lent before. Left out: 60.',
          }),
        }),
      )
      .min(1)
      .max(1000),
    reason: releaseReason,
  })
  .meta({ id: 'ReleaseLeasesRequest' })

/** Whether it was taken. */
export const acknowledgement = z.object({ value: z.boolean() }).meta({ id: 'Acknowledgement' })
