import * as z from 'zod'
import { field, integer, secretFields } from '../field.ts'
import { certificateRulesSchema } from './certificate-rules.ts'
import { certificateTemplatesSchema } from './certificate-templates.ts'
import { ndesSchema } from './ndes.ts'
import { capabilitiesSchema, scepRulesSchema } from './scep-rules.ts'

const kindDoc =
  'Who judges challenges. `intune`: Microsoft Intune. `static`: one secret that all devices share. `one-time`: challenges that the connector makes, each good for one request.'

const challenge = z.discriminatedUnion('kind', [
  z.strictObject({ kind: field(z.literal('intune'), { doc: kindDoc, example: 'intune' }) }),
  z.strictObject({
    kind: field(z.literal('static'), { doc: kindDoc, example: 'static' }),
    ...secretFields('secret', 'the static challenge', 'secrets/static-challenge'),
  }),
  z.strictObject({
    kind: field(z.literal('one-time'), { doc: kindDoc, example: 'one-time' }),
    validityMinutes: field(integer(1, 10_080).default(60), {
      doc: 'How long a one-time challenge is good; not longer than `replayWindowHours`.',
      example: '60',
    }),
    length: field(integer(16, 64).multipleOf(2).default(16), {
      doc: 'Hexadecimal digits of a one-time challenge.',
      example: '16',
      type: 'even number, 16 to 64',
    }),
    passwordMax: field(integer(1, 1000).default(5), {
      doc: 'One-time challenges of the page `mscep_admin` that may be unused at a time. Those made by the API or a command are counted apart.',
      example: '5',
    }),
  }),
])

/** One SCEP profile as it is written; becomes one that is complete. */
export const profileSchema = z
  .strictObject({
    name: field(z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/), {
      doc: 'Last part of `/scep/{name}`. `default` also answers `/certsrv/mscep/mscep.dll`.',
      example: 'default',
      type: 'text of a-z, 0-9 and -, at most 32',
    }),
    challenge,
    notifyMode: field(z.enum(['deferred', 'strict']).default('deferred'), {
      doc: '`deferred`: the device gets its certificate and Intune is told as soon as it listens. `strict`: no certificate leaves before Intune said yes.',
      example: 'deferred',
    }),
    ca: field(z.string().min(1).max(32).default('default'), {
      doc: 'The `id` of the CA that signs.',
      example: 'default',
    }),
    caParameters: field(z.record(z.string(), z.string()).default({}), {
      doc: 'Names that only this CA understands (template, role).',
      example: '{}',
      type: 'map of text to text',
    }),
    ndes: ndesSchema,
    capabilities: capabilitiesSchema,
    singleCaCert: field(z.boolean().default(false), {
      doc: 'GetCACert answers the RA certificate alone, for clients that cannot choose among several.',
      example: 'false',
    }),
    queries: z
      .strictObject({
        getCrl: field(z.boolean().default(true), {
          doc: 'GetCRL is answered. NDES refuses it.',
          example: 'true',
        }),
        openCertQueries: field(z.boolean().default(false), {
          doc: 'GetCert answers anybody who knows issuer and serial, not only the holder of the key. Certificates of other profiles are never given.',
          example: 'false',
        }),
      })
      .prefault({}),
    manualApproval: field(z.boolean().default(false), {
      doc: 'A request without an accepted challenge waits for `certconnector approve` instead of being refused. Not with an Intune challenge.',
      example: 'false',
    }),
    approvalDays: field(integer(1, 90).default(7), {
      doc: 'How long such a request waits; then it is refused.',
      example: '7',
    }),
    syncTimeoutSeconds: field(integer(1, 120).default(20), {
      doc: 'What takes longer is answered with PENDING and goes on in the background; the device asks again.',
      example: '20',
    }),
    outageReply: field(z.enum(['pending', 'fail']).default('pending'), {
      doc: 'What a device gets while Intune or the CA is away. `pending`: it asks again; Windows does so on PENDING only. `fail`: FAILURE at once.',
      example: 'pending',
    }),
    outagePendingMinutes: field(integer(1, 1440).default(15), {
      doc: 'How long an outage is answered with PENDING; then with FAILURE.',
      example: '15',
    }),
    maxPendingRequests: field(integer(1, 100_000).default(1000), {
      doc: 'Requests of this profile that may wait at a time; more are refused.',
      example: '1000',
    }),
    scep: scepRulesSchema.prefault({}),
    certificate: certificateRulesSchema.prefault({}),
    templates: certificateTemplatesSchema,
    allowCertificateOnlyRenewal: field(z.boolean().default(false), {
      doc: 'A request without a challenge is served when it is signed by the certificate that it renews: of this CA and this profile, in force, near its end, with the same subject and alternative names. Not with an Intune challenge.',
      example: 'false',
    }),
    renewalWindowDays: field(integer(1, 3650).default(60), {
      doc: 'How long before its end a certificate may be renewed so.',
      example: '60',
    }),
    renewalGraceDays: field(integer(0, 365).default(0), {
      doc: 'How long after its end a certificate may still sign its renewal, for devices that were off.',
      example: '14',
    }),
    replayWindowHours: field(integer(1, 720).default(24), {
      doc: 'How long the same request gets the same certificate again.',
      example: '24',
    }),
  })
  .transform((profile) => ({
    ...profile,
    certificate: {
      ...profile.certificate,
      // Intune writes the URI itself and its validation covers the request; a static secret vouches for nothing.
      sid:
        profile.certificate.sid ??
        (profile.challenge.kind === 'intune' ? ('pass-uri' as const) : ('strip' as const)),
    },
  }))
