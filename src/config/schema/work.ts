import * as z from 'zod'
import { field, integer, pathField } from '../field.ts'
import { objectIdentifier } from './certificate-rules.ts'

/** What the connector takes part in. What is off opens no connection and polls nothing. */
export const featuresSchema = z
  .strictObject({
    scep: field(z.boolean().default(true), {
      doc: 'Enrol devices over SCEP. Off: no SCEP URL answers, and `profiles` may stay or go. CRLs, OCSP and CA certificates are served all the same: certificates that exist need them. Notifications that Intune is owed are still delivered.',
      example: 'true',
    }),
    revocation: field(z.boolean().default(false), {
      doc: 'Revoke certificates for Intune: it asks when a device is wiped, retired or leaves a profile. Needs `intune` or `management.openService`; with both, both are asked. Intune’s one queue serves the whole tenant, and what one connector downloads no other sees for an hour: switch it on where the CA is that issued.',
      example: 'true',
    }),
    pkcs: field(z.boolean().default(false), {
      doc: 'Make keys and certificates for devices that the service of `management.openService` asks for, and seal them again for new device keys. Needs `pkcs.templates` and `pkcs.deviceIssuersFile`.',
      example: 'true',
    }),
    pkcsImport: field(z.boolean().default(false), {
      doc: 'Deliver imported PFX: seal their passwords for devices, for the service of `management.openService`. Needs the key ring and `pfxImport.deviceIssuersFile`.',
      example: 'true',
    }),
  })
  .prefault({})

/** Whom imported PFX are sealed for, and how. */
export const pfxImportSchema = z
  .strictObject({
    deviceIssuersFile: pathField(
      'PEM of the CAs that issue device certificates, directly or through intermediates that come with a request: keys are sealed for no other. A device certificate names its device in the subject or a subjectAltName.',
      'certs/device-issuers.pem',
    ),
    minProfile: field(
      z.enum(['strong', 'standard', 'msCompat', 'msCompatTripleDes']).default('standard'),
      {
        doc: 'Weakest sealing that is still done. `strong`: RSA-OAEP and AES-GCM; `standard`: RSA-OAEP and AES-CBC; `msCompat`: PKCS #1 v1.5 and AES-CBC; `msCompatTripleDes`: PKCS #1 v1.5 and 3DES.',
        example: 'standard',
      },
    ),
    contextBindingOid: field(objectIdentifier.optional(), {
      doc: 'OID of your own for an authenticated attribute that ties a payload to its item, device and certificate (docs/open-connector-service.md), where a device takes AES-GCM. Left out: none. Only for receivers that read authenticated attributes; OpenSSL does not.',
      example: "'1.3.6.1.4.1.99999.1.1'",
    }),
    verifyPfx: field(z.boolean().default(true), {
      doc: 'Open each PFX before its password is handed on, and compare its certificate with the record.',
      example: 'true',
    }),
    acceptPkcs1: field(z.boolean().default(false), {
      doc: 'Also decrypt passwords that were encrypted with PKCS #1 v1.5.',
      example: 'false',
    }),
    parallel: field(integer(1, 64).default(4), {
      doc: 'Imports that are worked on at a time.',
      example: '4',
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
