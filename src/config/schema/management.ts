import * as z from 'zod'
import { field, integer, pathField, secretFields } from '../field.ts'
import { plainUrl } from './listeners.ts'

const openService = z.strictObject({
  url: field(
    plainUrl(['https']).refine((given) => URL.parse(given)?.pathname === '/', {
      error: 'an https URL without a path: its discovery says the rest',
    }),
    {
      doc: 'Origin of a management service that speaks the open contract (docs/open-connector-service.md).',
      example: 'https://connectors.example.org',
      type: 'https URL without a path',
    },
  ),
  ...secretFields(
    'enrolmentToken',
    'the token with which this connector enrols the first time',
    'secrets/enrolment-token',
  ),
  caFile: pathField(
    'PEM of the CA of the service; it alone is trusted for it. Left out: the well-known roots.',
    'certs/connector-service-ca.pem',
  ),
  releaseKeyFile: pathField(
    'PEM of the Ed25519 public key that signs the list of releases. Left out: the support of this version is not worked out.',
    'certs/releases.pem',
  ),
  timeouts: z
    .strictObject({
      connectMs: field(integer(100, 120_000).default(5000), {
        doc: 'TCP and TLS, in milliseconds.',
        example: '5000',
      }),
      readMs: field(integer(100, 300_000).default(20_000), {
        doc: 'Until the answer begins, and between its parts; a download that waits for work has its waiting time on top.',
        example: '20000',
      }),
    })
    .prefault({}),
})

/** Management services beside Intune. */
export const managementSchema = z.strictObject({
  openService: field(z.exactOptional(openService), {
    doc: 'A service that keeps the list of connectors, takes their health and queues work. Left out: none.',
  }),
})
