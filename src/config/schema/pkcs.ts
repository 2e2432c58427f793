import * as z from 'zod'
import { field, integer, pathField, text } from '../field.ts'
import { keyUsages, objectIdentifier, oid, usages } from './certificate-rules.ts'

const ATTRIBUTE = /^[A-Za-z][A-Za-z0-9]{0,31}=.{1,255}$/u
const SAN_TYPES = [
  'userPrincipalName',
  'emailAddress',
  'domainNameService',
  'universalResourceIdentifier',
  'directoryName',
  'ipAddress',
  'otherName',
]

const template = z.strictObject({
  certificationAuthority: field(text(255), {
    doc: 'Host of the CA, as the service’s profile names it.',
    example: 'ca1.example.org',
  }),
  certificationAuthorityName: field(text(255), {
    doc: 'Name of the CA, as the service’s profile names it.',
    example: 'Example Issuing CA',
  }),
  certificateTemplateName: field(text(255), {
    doc: 'Template, as the service’s profile names it.',
    example: 'DeviceAuthentication',
  }),
  ca: field(text(63).default('default'), {
    doc: 'Who signs: `id` of a CA.',
    example: 'default',
  }),
  maxValidityDays: field(integer(1, 3650).default(398), {
    doc: 'Longest lifetime. What asks for more is refused.',
    example: '398',
  }),
  backdateMinutes: field(integer(0, 1440).default(10), {
    doc: 'How far the start of validity lies in the past, for devices whose clock is slow.',
    example: '10',
  }),
  subject: field(z.array(z.string().regex(ATTRIBUTE)).min(1).max(32), {
    doc: 'Attributes that a subject may have: type, `=`, pattern, in which `*` is anything. Every attribute fits one of them, or the request is refused. E-mail is `E`.',
    example: "['CN=*', 'E=*@example.org', 'O=Example']",
    type: 'list of type=pattern',
  }),
  subjectAltNames: field(
    z
      .array(
        z.string().refine((given) => SAN_TYPES.includes(given.slice(0, given.indexOf('='))), {
          error: `one of ${SAN_TYPES.join(', ')}, then = and a pattern`,
        }),
      )
      .max(64)
      .default([]),
    {
      doc: 'The same for alternative names, by their `sanType`; an `otherName` is its OID, a colon and base64.',
      example: "['userPrincipalName=*@example.org', 'emailAddress=*@example.org']",
      type: 'list of sanType=pattern',
    },
  ),
  ekus: field(z.array(oid).min(1).max(64).default(usages('clientAuth')), {
    doc: 'Extended key usages that may be asked for. All of them are issued where a request names none.',
    example: '[clientAuth]',
    defaultText: '[clientAuth]',
    type: 'list of names or OIDs',
  }),
  keyUsages: field(
    z.array(z.enum(keyUsages)).min(1).default(['digitalSignature', 'keyEncipherment']),
    {
      doc: 'The same for key usages.',
      example: '[digitalSignature, keyEncipherment]',
    },
  ),
  sid: field(z.boolean().default(true), {
    doc: 'Whether the security identifier that comes with a request is issued as Microsoft’s extension (strong mapping, KB5014754).',
    example: 'true',
  }),
})

/** What a management service may have issued, for whom and under what protection. */
export const pkcsSchema = z
  .strictObject({
    deviceIssuersFile: pathField(
      'PEM of the CAs that issue device certificates, directly or through intermediates that come with a request: keys are sealed for no other. A device certificate names its device in the subject or a subjectAltName. With the simulator left out: its device CA.',
      'certs/device-issuers.pem',
    ),
    minProfile: field(
      z.enum(['strong', 'standard', 'msCompat', 'msCompatTripleDes']).default('standard'),
      { doc: 'Weakest sealing that is still done, as in `pfxImport`.', example: 'standard' },
    ),
    contextBindingOid: field(objectIdentifier.optional(), {
      doc: 'OID of your own for an authenticated attribute that ties a payload to its item, device and certificate (docs/open-connector-service.md), where a device takes AES-GCM. Left out: none. Only for receivers that read authenticated attributes; OpenSSL does not.',
      example: "'1.3.6.1.4.1.99999.1.1'",
    }),
    parallel: field(integer(1, 64).default(4), {
      doc: 'Requests that are worked on at a time at one CA.',
      example: '4',
    }),
    keysAhead: field(integer(0, 64).default(4), {
      doc: 'RSA key pairs of each size that are made before they are needed. In memory only.',
      example: '4',
    }),
    templates: field(z.array(template).max(64).default([]), {
      doc: 'What the service may ask for. What fits none of them is refused, whoever asks.',
      type: 'list',
    }),
  })
  .prefault({})
