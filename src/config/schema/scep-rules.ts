import * as z from 'zod'
import { field, integer } from '../field.ts'

/** GetCACaps keywords by preset, in the order of REQ-27 and REQ-32. */
const capabilityPresets = {
  default: [
    'Renewal',
    'SHA-1',
    'SHA-256',
    'SHA-512',
    'AES',
    'DES3',
    'SCEPStandard',
    'POSTPKIOperation',
  ],
  'ndes-classic': ['Renewal', 'SHA-512', 'SHA-256', 'SHA-1', 'DES3'],
} as const

const presetNames = ['default', 'ndes-classic'] as const

/** Keywords that clients compare letter by letter. `SHA-384` is no word of RFC 8894; strongSwan 5.9.8 looks for it. */
export const knownCapabilities = [
  ...capabilityPresets.default,
  'SHA-384',
  'SHA-224',
  'MD5',
  'DES',
] as const

/** A preset or a list; becomes the list. A list without POSTPKIOperation loses SCEPStandard, which implies it (REQ-31). */
export const capabilitiesSchema = field(
  z
    .union([
      z.enum(presetNames),
      z
        .array(z.string().regex(/^[A-Za-z0-9-]{1,32}$/))
        .min(1)
        .max(24),
    ])
    .default('default')
    .transform((given): readonly string[] => {
      const words: readonly string[] = typeof given === 'string' ? capabilityPresets[given] : given
      if (words.includes('POSTPKIOperation')) return words
      return words.filter((word) => word !== 'SCEPStandard')
    }),
  {
    doc: 'What GetCACaps answers: a preset, or the keywords in order. Without `POSTPKIOperation` clients use GET.',
    example: 'ndes-classic',
    type: '`default`, `ndes-classic`, or a list of keywords',
    defaultText:
      '`default`: Renewal, SHA-1, SHA-256, SHA-512, AES, DES3, SCEPStandard, POSTPKIOperation',
  },
)

/** What a SCEP profile accepts and how it answers: the names and meanings of the codec's `ScepRules`. */
export const scepRulesSchema = z
  .strictObject({
    allowMd5: field(z.boolean().default(false), {
      doc: 'MD5 digests and signatures verify. For old devices only.',
      example: 'false',
    }),
    allowDes: field(z.boolean().default(false), {
      doc: 'DES-CBC decrypts and is answered. For old devices only.',
      example: 'false',
    }),
    requireSameKey: field(z.boolean().default(false), {
      doc: 'The key of the request must be that of its self-signed signer.',
      example: 'false',
    }),
    maxSigningTimeSkewSeconds: field(z.exactOptional(integer(1, 31_536_000)), {
      doc: 'Largest difference between the clock of the device and ours.',
      example: '3600',
      defaultText: 'any difference is accepted',
    }),
    signingTime: field(z.boolean().default(true), {
      doc: 'Replies carry the time of signing.',
      example: 'true',
    }),
    omitSignerCert: field(z.boolean().default(false), {
      doc: 'Replies carry no signer certificate, as those of NDES.',
      example: 'false',
    }),
    includeSignerChain: field(z.boolean().default(false), {
      doc: 'Replies carry the issuers of the signer certificate as well.',
      example: 'false',
    }),
    ndesEmptyContent: field(z.boolean().default(false), {
      doc: 'Failures carry one zero octet as content, as those of NDES.',
      example: 'false',
    }),
    ndesAttributes: field(z.boolean().default(true), {
      doc: 'Failures carry Microsoft’s error attributes.',
      example: 'true',
    }),
    replyChain: field(z.enum(['none', 'issuer', 'chain', 'full']).default('none'), {
      doc: 'CA certificates after the device’s own in a success; `chain` is all but the root.',
      example: 'none',
    }),
  })
  .transform((rules) => ({
    ...rules,
    maxSigningTimeSkewSeconds: rules.maxSigningTimeSkewSeconds,
  }))
