import { availableParallelism } from 'node:os'
import * as z from 'zod'
import { field, integer, secretFields, text } from '../field.ts'
import { authoritySchema } from './authorities.ts'
import { intuneSchema } from './intune.ts'
import { listenersSchema } from './listeners.ts'
import { managementSchema } from './management.ts'
import { pkcsSchema } from './pkcs.ts'
import { profileSchema } from './profiles.ts'
import { featuresSchema, pfxImportSchema, revocationSchema } from './work.ts'

const pauses = z.array(integer(1, 604_800)).min(1).max(20)

const connector = z.strictObject({
  id: field(z.exactOptional(z.string().regex(/^[A-Za-z0-9._-]{1,64}$/)), {
    doc: 'Identifies this installation in events.',
    example: 'connector-1',
    defaultText: 'made at the first start and kept under `dataDir`',
    type: 'text of letters, digits, `.`, `_` and `-`, at most 64',
  }),
  name: field(text(128).default('Certificate Connector'), {
    doc: 'Name for people, in events and on the status page.',
    example: 'Connector Zurich',
  }),
  tenantId: field(z.exactOptional(text(253)), {
    doc: 'Tenant to be shown in events.',
    example: 'contoso.onmicrosoft.com',
    defaultText: '`intune.tenant`',
  }),
})

const proxy = z.strictObject({
  url: field(
    z
      .string()
      .max(2048)
      .refine((given) => /^https?:\/\/[^/?#@\s]+\/?$/i.test(given) && URL.canParse(given), {
        error: 'a URL that begins with http:// or https:// and holds host and port only',
      }),
    {
      doc: 'HTTP proxy for all calls to the management service. The scheme is required; credentials have keys of their own.',
      example: 'http://proxy.example.org:3128',
      type: 'URL with http:// or https://, host and port only',
    },
  ),
  username: field(z.exactOptional(text(256)), {
    doc: 'User at the proxy.',
    example: 'connector',
  }),
  ...secretFields('password', 'the password at the proxy', 'secrets/proxy-password'),
  noProxy: field(z.array(text(255)).max(64).default([]), {
    doc: 'Hosts, or endings of hosts, that are reached directly.',
    example: '[.example.org, 127.0.0.1]',
  }),
})

/** The whole configuration. Every key has its notes, from which documents, errors and environment names are made. */
export const configurationSchema = z.strictObject({
  connector: connector.prefault({}),
  dataDir: field(z.string().min(1).max(4096).default('data'), {
    doc: 'Folder for the store, logs, spool and encrypted keys.',
    example: '/var/lib/certificate-connector',
    isPath: true,
  }),
  passphraseFile: field(z.exactOptional(z.string().min(1).max(4096)), {
    doc: 'File with the passphrase that encrypts keys and stored requests: first line, 16 characters or more, readable by the service only. Without it nothing under `dataDir` can be opened: keep a copy elsewhere.',
    example: '/run/secrets/connector-passphrase',
    defaultText: '`passphrase` under `dataDir`',
    isPath: true,
  }),
  blockedKeysFile: field(z.exactOptional(z.string().min(1).max(4096)), {
    doc: 'File with public keys that are never certified: SHA-256 over the SubjectPublicKeyInfo in hexadecimal, one a line, `#` begins a comment. Read at start. Keys of certificates that were revoked for keyCompromise, and RSA keys with the ROCA fingerprint, are refused without it.',
    example: 'blocked-keys.txt',
    defaultText: 'none',
    isPath: true,
  }),
  listeners: listenersSchema,
  workers: z
    .strictObject({
      count: field(
        integer(1, 256).default(() => availableParallelism()),
        {
          doc: 'Threads that hold the keys and do the cryptography.',
          example: '4',
          defaultText: 'number of cores',
        },
      ),
      queuePerWorker: field(integer(1, 10_000).default(64), {
        doc: 'Requests that wait for a thread before new ones are turned away with HTTP 503.',
        example: '64',
      }),
      jobTimeoutMs: field(integer(100, 300_000).default(10_000), {
        doc: 'Longest run of a thread for one request, in milliseconds.',
        example: '10000',
      }),
    })
    .prefault({}),
  store: z
    .strictObject({
      kind: field(z.literal('sqlite').default('sqlite'), {
        doc: 'Kind of store.',
        example: 'sqlite',
      }),
      file: field(z.exactOptional(z.string().min(1).max(4096)), {
        doc: 'File of the store, on a local disk.',
        example: '/var/lib/certificate-connector/connector.db',
        defaultText: '`connector.db` under `dataDir`',
        isPath: true,
      }),
    })
    .prefault({}),
  ca: field(z.array(authoritySchema).min(1).max(32).prefault([{}]), {
    doc: 'The CAs. Left out: one embedded CA with the id `default`.',
    defaultText: 'one embedded CA `default`',
    type: 'list',
  }),
  intune: field(z.exactOptional(intuneSchema), {
    doc: 'Needed as soon as a profile validates with Intune, or revocation is on without `management.openService`.',
  }),
  features: featuresSchema,
  revocation: revocationSchema,
  pkcs: pkcsSchema,
  pfxImport: pfxImportSchema,
  management: managementSchema.prefault({}),
  proxy: field(z.exactOptional(proxy), { doc: 'Left out: calls go out directly.' }),
  profiles: field(z.array(profileSchema).max(64).default([]), {
    doc: 'The SCEP profiles; at least one where `features.scep` is on.',
    type: 'list',
  }),
  notifications: z
    .strictObject({
      onlinePausesSeconds: field(pauses.default([1, 5, 15, 60, 300]), {
        doc: 'Pauses between the first attempts to tell Intune an outcome. When they are used up, event 4002 is recorded.',
        example: '[1, 5, 15, 60, 300]',
      }),
      courierPausesSeconds: field(pauses.default([900, 3600]), {
        doc: 'Pauses after that; the last one repeats.',
        example: '[900, 3600]',
      }),
      giveUpDays: field(integer(1, 365).default(7), {
        doc: 'After this a notification is kept as failed and tried only by hand.',
        example: '7',
      }),
    })
    .prefault({}),
  logging: z
    .strictObject({
      console: field(z.enum(['json', 'pretty', 'off']).default('json'), {
        doc: 'Events on standard output: JSON lines, short lines for people, or none.',
        example: 'json',
      }),
      archives: field(integer(1, 1000).default(20), {
        doc: 'Compressed archives kept for each log.',
        example: '20',
      }),
      maxBytes: field(integer(65_536, 1_073_741_824).default(52_428_800), {
        doc: 'Size at which a log is archived.',
        example: '52428800',
      }),
      debug: z
        .strictObject({
          admin: field(z.boolean().default(false), {
            doc: 'Free-text debug lines in the admin log.',
            example: 'false',
          }),
          operational: field(z.boolean().default(false), {
            doc: 'Free-text debug lines in the operational log.',
            example: 'false',
          }),
        })
        .prefault({}),
    })
    .prefault({}),
  simulator: z
    .strictObject({
      enabled: field(z.boolean().default(false), {
        doc: 'Run the simulator of Intune beside the connector, for demonstration and tests.',
        example: 'false',
      }),
      httpsPort: field(integer(0, 65_535).default(8443), {
        doc: 'Its port for Entra ID, Graph and Intune.',
        example: '8443',
      }),
      controlPort: field(integer(0, 65_535).default(8090), {
        doc: 'Its port for control calls.',
        example: '8090',
      }),
    })
    .prefault({}),
})

/** What the schema makes of a file and the environment; paths are still as written. */
export type ParsedConfiguration = z.output<typeof configurationSchema>

/** A valid configuration: every default filled in, every path absolute, every secret read. */
export interface Configuration extends Omit<ParsedConfiguration, 'passphraseFile' | 'store'> {
  readonly passphraseFile: string
  readonly store: { readonly kind: 'sqlite'; readonly file: string }
}
