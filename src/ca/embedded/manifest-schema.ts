import { z } from 'zod'

/** Only names inside the folder, so that a manifest cannot point elsewhere. */
const fileName = z.string().regex(/^[a-z0-9-]+\.(pem|key)$/)
const keyedFiles = { certificate: fileName, key: fileName }

/** What a manifest file must look like. */
export const manifestSchema = z.strictObject({
  version: z.literal(1),
  createdAt: z.iso.datetime(),
  root: z.strictObject(keyedFiles),
  issuing: z.strictObject(keyedFiles),
  /** The current one is the one that is not retired. */
  ras: z
    .array(z.strictObject({ ...keyedFiles, retiredAt: z.iso.datetime().nullable() }))
    .refine((ras) => ras.filter(({ retiredAt }) => retiredAt === null).length === 1, {
      error: 'exactly one RA is not retired',
    }),
})

/** Which files of a folder make up the authority. Files that it does not name do not count. */
export type AuthorityManifest = z.infer<typeof manifestSchema>
