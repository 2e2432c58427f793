import * as z from 'zod'
import { field } from '../field.ts'
import { certificateRulesSchema } from './certificate-rules.ts'

/**
 * Rules for requests that name a template or ask for a purpose: the names and meanings of the connector’s
 * `CertificateTemplate`.
 */
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
          urlParams: field(z.record(z.string().min(1).max(64), z.string().max(256)).default({}), {
            doc: 'Parameters that the URL of the request must hold, as `?department=lab`, letter by letter. Like the path they are not signed: whoever may use the profile may use this template. A device that polls sends them again.',
            example: '{ department: lab }',
            type: 'map of text to text',
            defaultText: 'none',
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
    doc: 'Certificate rules instead of `certificate` for requests that name a template (extension, or name and value pair `CertificateTemplate`) or ask for a purpose, or whose URL has a parameter. The first that fits counts; named ones come first.',
    type: 'list',
    defaultText: 'none',
  },
)
