import { z } from 'zod'

/** Where the real service is known to differ from its documents, or leaves a choice: what this one does. */
export const behaviourSchema = z.strictObject({
  /** A success notification of a request that was not validated before: `Success` all the same, or code `Unknown`. */
  successWithoutValidate: z.enum(['accept', 'refuse']),
  /** Lenient: SCEP calls may carry either api-version. Strict: only `2018-02-20`. */
  apiVersions: z.enum(['lenient', 'strict']),
  /** The real `issuerName` filter compares with caConfiguration, and only after `maxRequests` was applied. */
  downloadFilter: z.enum(['bug-compatible', 'as-documented']),
  /** `value` in the answer to an upload; `absent` leaves the member out. */
  uploadAnswer: z.union([z.boolean(), z.enum(['true', 'test', 'absent'])]),
})

/** Switches of the Intune services. */
export type Behaviour = z.infer<typeof behaviourSchema>

/** As the real service behaves, as far as that is known. */
export const defaultBehaviour: Behaviour = {
  successWithoutValidate: 'accept',
  apiVersions: 'lenient',
  downloadFilter: 'bug-compatible',
  uploadAnswer: true,
}
