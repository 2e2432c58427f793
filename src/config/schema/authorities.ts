import * as z from 'zod'
import { field, integer } from '../field.ts'

const keyTypes = ['rsa2048', 'rsa3072', 'rsa4096', 'p256', 'p384'] as const

/** One CA. So far every one is embedded. */
export const authoritySchema = z.strictObject({
  id: field(
    z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,31}$/)
      .default('default'),
    {
      doc: 'Short name; part of CRL addresses and of what Intune is told. Never change it.',
      example: 'default',
      type: 'text of a-z, 0-9 and -, at most 32',
    },
  ),
  kind: field(z.literal('embedded').default('embedded'), {
    doc: 'Who signs. `embedded`: a root and an issuing CA of this connector, keys encrypted under `dataDir`.',
    example: 'embedded',
  }),
  name: field(
    z
      .string()
      .regex(/^[^\p{Cc}]{1,59}$/u)
      .default('Certificate Connector CA'),
    {
      doc: 'Common name of the issuing CA; the root appends ` Root`, the RA ` RA`. Used when the CA is made.',
      example: 'Contoso Device CA',
      type: 'text, at most 59 characters',
    },
  ),
  organisation: field(z.exactOptional(z.string().regex(/^[^\p{Cc}]{1,64}$/u)), {
    doc: 'Organisation in the names of the CA. Used when the CA is made.',
    example: 'Contoso',
  }),
  country: field(z.exactOptional(z.string().regex(/^[A-Z]{2}$/)), {
    doc: 'Country in the names of the CA. Used when the CA is made.',
    example: 'CH',
    type: 'two capital letters of ISO 3166',
  }),
  rootKey: field(z.enum(keyTypes).default('rsa4096'), {
    doc: 'Key of the root. Used when the CA is made.',
    example: 'rsa4096',
  }),
  issuingKey: field(z.enum(keyTypes).default('rsa3072'), {
    doc: 'Key of the issuing CA; decides what a signature costs. Used when the CA is made.',
    example: 'rsa3072',
  }),
  rootYears: field(integer(1, 50).default(20), {
    doc: 'Lifetime of the root. Used when the CA is made.',
    example: '20',
  }),
  issuingYears: field(integer(1, 30).default(10), {
    doc: 'Lifetime of the issuing CA, never beyond the root. Used when the CA is made.',
    example: '10',
  }),
  includeRoot: field(z.boolean().default(true), {
    doc: 'Whether GetCACert answers the root as well.',
    example: 'true',
  }),
  includeIntermediate: field(z.boolean().default(true), {
    doc: 'Whether GetCACert answers the issuing CA as well. Without it clients cannot check the RA certificate.',
    example: 'true',
  }),
  crl: z
    .strictObject({
      validityHours: field(integer(1, 8760).default(72), {
        doc: 'How long a CRL is valid.',
        example: '72',
      }),
      publishEveryHours: field(integer(1, 8760).default(24), {
        doc: 'How often a new CRL is published; one is also published after a revocation.',
        example: '24',
      }),
      debounceSeconds: field(integer(0, 3600).default(60), {
        doc: 'Shortest time between two CRLs that revocations by command bring about.',
        example: '60',
      }),
      shards: field(integer(1, 512).default(1), {
        doc: 'Over how many CRLs new certificates are spread, each naming one for all its life; the full CRL stays beside them. For more than some 10,000 revoked ones. It may grow; a smaller number only counts for new certificates.',
        example: '1',
      }),
      delta: z
        .strictObject({
          enabled: field(z.boolean().default(false), {
            doc: 'Whether delta CRLs are published beside the complete ones. Of the common clients only Windows reads them.',
            example: 'false',
          }),
          everyHours: field(integer(1, 168).default(1), {
            doc: 'How often; a delta is valid for twice as long.',
            example: '1',
          }),
        })
        .prefault({}),
    })
    .prefault({}),
  ocsp: z
    .strictObject({
      enabled: field(z.boolean().default(true), {
        doc: 'Whether certificates name the OCSP responder of this connector, and it answers for this CA.',
        example: 'true',
      }),
      cacheSeconds: field(integer(0, 3600).default(60), {
        doc: 'How long a signed answer is given again. A revocation shows after this time at the latest.',
        example: '60',
      }),
      validityMinutes: field(integer(5, 10_080).default(60), {
        doc: 'How long a client may rely on an answer.',
        example: '60',
      }),
      maxSignedPerSecond: field(integer(0, 100_000).default(300), {
        doc: 'Answers that are signed in a second, so that strangers leave the enrolment its share; beyond it clients are told tryLater. Those of the cache do not count. 0: no limit.',
        example: '300',
      }),
    })
    .prefault({}),
  ra: z
    .strictObject({
      validityDays: field(integer(2, 3650).default(730), {
        doc: 'Lifetime of the RA certificate that devices encrypt to. It renews itself.',
        example: '730',
      }),
      overlapDays: field(integer(1, 365).default(30), {
        doc: 'How long the old key still decrypts after a renewal, which comes when a third of its life is left.',
        example: '30',
      }),
      pair: field(z.boolean().default(false), {
        doc: 'Two RA certificates, one to encrypt to and one that signs, as NDES has. Takes effect when the CA is made, at the next renewal or with `ca rotate-ra`.',
        example: 'false',
      }),
    })
    .prefault({}),
})
