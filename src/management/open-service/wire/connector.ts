import * as z from 'zod'
import { anyCase, certificatesPem, features, guid, plainText, time } from './values.ts'

const MAX_KEYS = 200

const name = plainText(256)
const version = z.string().min(1).max(64)
const csrPem = z.string().min(1).max(16_384)

/** A key that opens passwords of imported PFX, by its name and its public half. */
const ringKey = z
  .object({
    providerName: plainText(256),
    keyName: plainText(256),
    spkiSha256: z.string().regex(/^[0-9a-f]{64}$/),
  })
  .meta({ id: 'RingKey' })

/** A connector as the service shows it; states are those of Graph's `ndesConnector`. */
export const connector = z
  .object({
    id: guid,
    displayName: name,
    machineName: name,
    connectorVersion: version,
    enrolledDateTime: time,
    lastConnectionDateTime: time,
    state: anyCase(['none', 'active', 'inactive']),
    features,
    paused: z.boolean(),
    routingTags: z.array(plainText(64)).max(32),
    encryptionCertificateThumbprintSha256: z.string().regex(/^[0-9a-f]{64}$/),
    keyRing: z.array(ringKey).max(MAX_KEYS).optional(),
  })
  .meta({ id: 'Connector' })

/** The two requests for certificates: one to be recognised with, one to be encrypted to. */
const requests = {
  csr: csrPem.meta({ description: 'PKCS #10, PEM: the key of the TLS client.' }),
  encryptionPublicKeyCsr: csrPem.meta({ description: 'PKCS #10, PEM: the recipient of escrow.' }),
}

/** First enrolment, over TLS without a client certificate. The token is the proof. */
export const enrolRequest = z
  .object({
    enrollmentToken: z.string().min(1).max(4096),
    ...requests,
    machineName: name,
    displayName: name,
    connectorVersion: version,
    features,
  })
  .meta({ id: 'EnrolRequest' })

/** Renewal, with the certificate in force. */
export const renewRequest = z.object(requests).meta({ id: 'RenewRequest' })

/** What both answer. */
export const enrolAnswer = z
  .object({
    connector,
    certificate: certificatesPem.meta({ description: 'clientAuth; its key is that of `csr`.' }),
    encryptionCertificate: certificatesPem.meta({ description: 'keyEncipherment.' }),
    chain: certificatesPem.meta({ description: 'The fleet CA, issuer first, root last.' }),
  })
  .meta({ id: 'EnrolAnswer' })

/** What may change about a connector; members that are left out stay. */
export const connectorChange = z
  .object({
    displayName: name.optional(),
    machineName: name.optional(),
    connectorVersion: version.optional(),
    features: features.optional(),
    paused: z.boolean().optional(),
    keyRing: z.array(ringKey).max(MAX_KEYS).optional(),
  })
  .meta({ id: 'ConnectorChange' })
