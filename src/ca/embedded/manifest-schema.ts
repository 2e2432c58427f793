import { z } from 'zod'

/** Only names inside the folder, so that a manifest cannot point elsewhere. */
const fileName = z.string().regex(/^[a-z0-9-]+\.(pem|key)$/)
const keyedFiles = z.strictObject({ certificate: fileName, key: fileName })
const moment = z.iso.datetime()

/** Those that are not retired are current: one that does both, or one for each job (REQ-39). */
const ras = z
  .array(z.strictObject({ ...keyedFiles.shape, retiredAt: moment.nullable() }))
  .refine((all) => all.filter(({ retiredAt }) => retiredAt === null).length <= 2, {
    error: 'at most two RA certificates are not retired',
  })

const generation = z.strictObject({
  /** Never used for another issuing key, be it cancelled. */
  number: z.int().min(1).max(9999),
  /** From when on it issues; null for the first one. */
  handOverAt: moment.nullable(),
  /** Set for one that was given up before its hand-over: what it signed until then stays in its CRL. */
  cancelledAt: moment.nullable(),
  root: keyedFiles,
  issuing: keyedFiles,
  ras,
})

/** Of authorities that were made before there was a roll-over. */
const versionOne = z
  .strictObject({
    version: z.literal(1),
    createdAt: moment,
    root: keyedFiles,
    issuing: keyedFiles,
    ras,
  })
  .transform(({ createdAt, root, issuing, ras: all }) => ({
    version: 2 as const,
    createdAt,
    generations: [
      { number: 1, handOverAt: null, cancelledAt: null, root, issuing, ras: all },
    ] as z.infer<typeof generation>[],
  }))

/** What a manifest file must look like. */
export const manifestSchema = z.union([
  z.strictObject({
    version: z.literal(2),
    createdAt: moment,
    generations: z
      .array(generation)
      .min(1)
      .refine(
        (all) => all.every((one, at) => at === 0 || one.number > (all[at - 1]?.number ?? 0)),
        {
          error: 'the numbers of generations rise',
        },
      ),
  }),
  versionOne,
])

/** Which files of a folder make up the authority. Files that it does not name do not count. */
export type AuthorityManifest = z.output<typeof manifestSchema>

/** One CA of an authority, as a manifest has it. */
export type ManifestGeneration = AuthorityManifest['generations'][number]
