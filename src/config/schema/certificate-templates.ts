import * as z from 'zod'
import { field } from '../field.ts'
import { certificateRulesSchema } from './certificate-rules.ts'

/** Rules for requests that name a template or ask for a purpose: the names and meanings of the connector’s `CertificateTemplate`. */
export const certificateTemplatesSchema = field(
  z
    .array(
      z
        .strictObject({
          names: field(z.array(z.string().min(1).max(256)).max(64).default([]), {
            doc: 'Names or OIDs of the template, as requests carry them. Empty: requests of this purpose, whatever they name.',
            example: '[WebServer, 1.3.6.1.4.1.311.21.8.1.2]',
          }),
          purpose: field(z.exactOptional(z.enum(['signature', 'encryption', 'general'])), {
            doc: 'As NDES sorts requests by key usage: digitalSignature alone, keyEncipherment alone, both or none.',
            example: 'signature',
            defaultText: 'any',
          }),
          certificate: certificateRulesSchema.prefault({}),
        })
        .transform(({ certificate, ...rest }) => ({
          ...rest,
          purpose: rest.purpose,
          certificate: { ...certificate, sid: certificate.sid ?? ('strip' as const) },
        })),
    )
    .max(32)
    .default([]),
  {
    doc: 'Certificate rules instead of `certificate` for requests that name a template (extension, or name and value pair `CertificateTemplate`) or ask for a purpose. The first that fits counts; named ones come first.',
    type: 'list',
    defaultText: 'none',
  },
)
