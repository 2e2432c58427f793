import * as z from 'zod'
import { field, integer, secretFields, text } from '../field.ts'

const port = () => integer(0, 65_535)

/** An absolute http or https URL without credentials, query and fragment; kept without a slash at its end. */
export function plainUrl(schemes: readonly string[]) {
  return z
    .string()
    .max(2048)
    .refine((given) => isPlainUrl(given, schemes), {
      error: `a URL with ${schemes.join(' or ')}, without credentials, query and fragment`,
    })
    .transform((given) => given.replace(/\/+$/, ''))
}

function isPlainUrl(given: string, schemes: readonly string[]): boolean {
  const url = URL.parse(given)
  if (url === null || !schemes.some((scheme) => url.protocol === `${scheme}:`)) return false
  return url.username === '' && url.password === '' && !/[?#]/.test(given)
}

const tls = z.strictObject({
  certificateFile: field(z.string().min(1).max(4096), {
    doc: 'PEM: the certificate, then its issuers.',
    example: 'certs/scep.example.org.pem',
    isPath: true,
  }),
  keyFile: field(z.string().min(1).max(4096), {
    doc: 'PEM: its private key, PKCS #8, readable by the service only.',
    example: 'certs/scep.example.org.key',
    isPath: true,
  }),
  port: field(z.exactOptional(port()), {
    doc: 'A port for HTTPS of its own; `listeners.device.port` then goes on with plain HTTP, which is all that some network devices speak. 0: any free port.',
    example: '8443',
    defaultText: 'HTTPS instead of plain HTTP, on `listeners.device.port`',
  }),
})

/** Where devices and administrators reach the connector. */
export const listenersSchema = z.strictObject({
  device: z.strictObject({
    host: field(text(255).default('127.0.0.1'), {
      doc: 'Address to listen on for devices. `0.0.0.0` for all.',
      example: '0.0.0.0',
    }),
    port: field(port().default(8080), {
      doc: 'Port to listen on. 0: any free one.',
      example: '8080',
    }),
    publicUrl: field(plainUrl(['http', 'https']), {
      doc: 'How devices reach this listener from outside. CRL and CA certificate addresses in every issued certificate begin with it: it cannot be changed for certificates that exist.',
      example: 'https://scep.example.org',
      type: 'http or https URL without credentials, query and fragment',
    }),
    tls: field(z.exactOptional(tls), {
      doc: 'Serve HTTPS, instead of plain HTTP or beside it. Left out: plain HTTP, for network devices or a reverse proxy in front.',
    }),
    trustProxy: field(
      z.union([z.literal(false), integer(1, 10), z.array(text(64)).min(1).max(32)]).default(false),
      {
        doc: 'Proxies whose X-Forwarded-For is believed: how many stand in front, or their networks.',
        example: '[loopback, 10.0.0.0/8]',
        type: 'false, a number of proxies, or a list of networks',
      },
    ),
    maxBodyBytes: field(integer(16_384, 2_097_152).default(262_144), {
      doc: 'Longest request body in bytes.',
      example: '262144',
    }),
    requestsPerMinute: field(integer(0, 1_000_000).default(600), {
      doc: 'Enrolment requests of one source address in a minute. All devices may come through one proxy. 0: no limit.',
      example: '600',
    }),
    failedChallengesPerMinute: field(integer(0, 1_000_000).default(60), {
      doc: 'Refused challenges of one source address in a minute, after which its requests wait. 0: no limit.',
      example: '60',
    }),
    maxConnections: field(integer(1, 100_000).default(1024), {
      doc: 'Connections at a time on each port; more are closed at once.',
      example: '1024',
    }),
    requestTimeoutMs: field(integer(1000, 600_000).default(30_000), {
      doc: 'Longest time until a whole request is here, in milliseconds.',
      example: '30000',
    }),
  }),
  admin: z
    .strictObject({
      host: field(text(255).default('127.0.0.1'), {
        doc: 'Address for health, metrics and the status page. It asks for no password: keep it inside.',
        example: '127.0.0.1',
      }),
      port: field(port().default(8081), { doc: 'Its port. 0: any free one.', example: '8081' }),
      hostNames: field(z.array(text(253)).max(32).default([]), {
        doc: 'Names with a dot under which it is reached. It always answers under its addresses and under names without a dot; under any other it tells nothing, so that no web page can read it through the browser of an administrator.',
        example: '[connector.inside.example.org]',
      }),
      ...secretFields(
        'apiToken',
        'the bearer token of `POST /api/profiles/{name}/challenges`, 32 characters or more; without it there is no such call',
        'secrets/api-token',
      ),
    })
    .prefault({}),
})
