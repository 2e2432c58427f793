import * as z from 'zod'
import { field, integer, pathField, secretFields, text } from '../field.ts'
import { plainUrl } from './listeners.ts'

const guid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i)
/** Entra ID knows no other names: `contoso` alone is somebody's guess. */
const tenant = /^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z0-9-]+(\.[a-z0-9-]+)+)$/i
const version = z.string().regex(/^[A-Za-z0-9.-]{1,40}$/)
const serviceUrl = (doc: string, example: string) =>
  field(z.exactOptional(plainUrl(['https'])), {
    doc: `${doc} Overrides \`cloud\`.`,
    example,
    type: 'https URL',
  })

/** How the connector reaches Microsoft Intune, and as which application. */
export const intuneSchema = z.strictObject({
  tenant: field(z.string().max(253).regex(tenant), {
    doc: 'The tenant: its GUID or a domain of it.',
    example: 'contoso.onmicrosoft.com',
    type: 'GUID or domain',
  }),
  clientId: field(guid, {
    doc: 'Application (client) id of the app registration in Entra ID.',
    example: '11111111-2222-3333-4444-555555555555',
    type: 'GUID',
  }),
  ...secretFields('clientSecret', 'the client secret of the application', 'secrets/intune-client'),
  clientCertificateFile: pathField(
    'PEM of the certificate that is registered with the application, instead of a secret.',
    'certs/intune-client.pem',
  ),
  clientKeyFile: pathField(
    'PEM of its private key, PKCS #8, readable by the service only.',
    'certs/intune-client.key',
  ),
  cloud: field(z.enum(['global', 'us-gcc-high', 'us-dod', 'china']).default('global'), {
    doc: 'National cloud of the tenant; GCC (moderate) uses `global`.',
    example: 'global',
  }),
  authorityUrl: serviceUrl('Entra ID, without the tenant.', 'https://login.microsoftonline.com'),
  graphUrl: serviceUrl('Microsoft Graph.', 'https://graph.microsoft.com'),
  intuneResourceUrl: serviceUrl('Audience of Intune tokens.', 'https://api.manage.microsoft.com'),
  intuneAppId: field(guid.default('0000000a-0000-0000-c000-000000000000'), {
    doc: 'Application whose endpoints Graph lists.',
    example: '0000000a-0000-0000-c000-000000000000',
    type: 'GUID',
  }),
  graphVersion: field(version.default('1.0'), {
    doc: 'Version of Microsoft Graph, without the v.',
    example: '"1.0"',
  }),
  scepServiceVersion: field(version.default('2018-02-20'), {
    doc: 'Header `api-version` of the SCEP calls.',
    example: '"2018-02-20"',
  }),
  revocationServiceVersion: field(version.default('5019-05-05'), {
    doc: 'Header `api-version` of the revocation calls; the year is right.',
    example: '"5019-05-05"',
  }),
  providerName: field(
    z
      .string()
      .regex(/^[\x21-\x7e][\x20-\x7e]{0,199}$/)
      .default('certificate-connector'),
    {
      doc: 'Name and version under which Intune sees us.',
      example: 'certificate-connector',
      type: 'printable ASCII',
    },
  ),
  trustedCaFile: pathField(
    'PEM of CA certificates that are trusted besides the well-known roots, for a proxy that opens TLS.',
    'certs/proxy-ca.pem',
  ),
  allowedHostSuffixes: field(z.exactOptional(z.array(text(255)).min(1).max(16)), {
    doc: 'Hosts, or endings of hosts, that may receive Intune tokens.',
    example: '[manage.microsoft.com]',
    defaultText: 'Microsoft’s hosts of all clouds',
  }),
  timeouts: z
    .strictObject({
      connectMs: field(integer(100, 120_000).default(5000), {
        doc: 'TCP and TLS, in milliseconds.',
        example: '5000',
      }),
      readMs: field(integer(100, 300_000).default(10_000), {
        doc: 'Until the answer begins, and between its parts.',
        example: '10000',
      }),
      budgetMs: field(integer(1000, 600_000).default(25_000), {
        doc: 'All attempts of one call together; a device waits meanwhile.',
        example: '25000',
      }),
    })
    .prefault({}),
  microsoftSettings: field(z.exactOptional(z.record(z.string().max(80), z.string().max(2048))), {
    doc: 'Settings as Microsoft’s C# and Java libraries spell them (`TENANT`, `AAD_APP_ID`, `AUTH_AUTHORITY`, …), taken over into the keys above. Secrets are not accepted here.',
    example: '{ TENANT: contoso.onmicrosoft.com }',
    type: 'map of text to text',
  }),
})
