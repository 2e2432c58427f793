import * as z from 'zod'
import { time } from './values.ts'

/** Most bytes of a manifest. */
export const MAX_MANIFEST_BYTES = 256 * 1024

/** What is signed: every release with its day. The file is this as JWS, compact, `EdDSA` with Ed25519. */
export const releaseManifest = z
  .object({
    issuedDateTime: time,
    releases: z
      .array(
        z.object({
          version: z.string().regex(/^\d{1,9}(?:\.\d{1,9}){1,3}$/),
          releasedDateTime: time,
        }),
      )
      .min(1)
      .max(1000),
  })
  .meta({ id: 'ReleaseManifest' })
