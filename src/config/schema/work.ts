import * as z from 'zod'
import { field, integer } from '../field.ts'

/** What the connector takes part in besides SCEP. What is off opens no connection and polls nothing. */
export const featuresSchema = z
  .strictObject({
    revocation: field(z.boolean().default(false), {
      doc: 'Revoke certificates for Intune: it asks when a device is wiped, retired or leaves a profile. Needs `intune` or `management.openService`; with both, both are asked. Intune’s one queue serves the whole tenant, and what one connector downloads no other sees for an hour: switch it on where the CA is that issued.',
      example: 'true',
    }),
  })
  .prefault({})

/** How revocation requests are worked off. */
export const revocationSchema = z
  .strictObject({
    pollMinutes: field(integer(1, 1440).default(60), {
      doc: 'How often Intune is asked. Lower it where no other CA product polls in the same tenant.',
      example: '60',
    }),
    reason: field(
      z
        .enum([
          'unspecified',
          'keyCompromise',
          'affiliationChanged',
          'superseded',
          'cessationOfOperation',
          'privilegeWithdrawn',
        ])
        .default('cessationOfOperation'),
      {
        doc: 'Reason in the CRL: Intune tells none.',
        example: 'cessationOfOperation',
      },
    ),
    errorCodes: field(z.enum(['name', 'number']).default('name'), {
      doc: 'How `errorCode` is written in results: as Microsoft’s C# library does (`name`), or as its Java library does (`number`).',
      example: 'name',
    }),
  })
  .prefault({})
