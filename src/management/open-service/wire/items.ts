import * as z from 'zod'
import { caRequestId, itemIdentity, resultIdentity } from './queues.ts'
import {
  anyCase,
  base64,
  guid,
  objectIdentifier,
  plainText,
  requestContext,
  thumbprint,
  time,
} from './values.ts'

const KIB = 1024
const MIB = 1024 * KIB

const name = plainText(1024)
const certificateBase64 = base64(16 * KIB)

/** A certificate that something is sealed to. Who it belongs to is for the connector to verify, not to believe. */
const recipient = z
  .object({
    type: anyCase(['device', 'service', 'connector']),
    certificate: certificateBase64.meta({ description: 'DER' }),
    chain: z.array(certificateBase64).max(8).optional().meta({
      description: 'Intermediates between a device and its root, DER, in any order.',
    }),
    thumbprint,
    keyWrap: anyCase(['rsaes-oaep-sha256', 'rsa-pkcs1']).optional(),
    contentEncryption: anyCase(['aes-256-gcm', 'aes-256-cbc', 'des-ede3-cbc']).optional(),
  })
  .meta({ id: 'Recipient' })

const recipients = z.array(recipient).max(16)
const escrowRecipients = z.array(recipient).max(128)

const protection = anyCase(['passwordCms', 'payloadCms', 'applePlistCms', 'serviceCms'])

/** How the payload is to be packed. */
const packing = z
  .object({
    protection,
    pfxEncryption: anyCase(['aes256', 'tripleDes']).optional(),
    includeChain: z.boolean().optional(),
  })
  .meta({ id: 'Packing' })

/** Who and what an item is for. */
const subjectOfWork = {
  ...itemIdentity.shape,
  requestId: guid,
  tenantId: guid,
  deviceId: guid,
  userId: guid.nullish(),
  userPrincipalName: name.nullish(),
  profileId: guid,
  platform: plainText(64),
  createdDateTime: time.optional(),
  expiresDateTime: time.optional(),
}

const otherName = z.object({ oid: objectIdentifier, valueDer: base64(4 * KIB) })
const subjectAlternativeName = z
  .object({
    sanType: anyCase([
      'userPrincipalName',
      'emailAddress',
      'domainNameService',
      'universalResourceIdentifier',
      'directoryName',
      'ipAddress',
      'otherName',
    ]),
    name: z.union([name, otherName]),
  })
  .meta({ id: 'SubjectAlternativeName' })

/** One certificate to be made, with its key pair. Variables are resolved already: `{{` is refused. */
export const pkcsItem = z
  .object({
    ...subjectOfWork,
    certificateType: anyCase(['user', 'device']),
    requestType: anyCase(['new', 'renew']),
    renewsThumbprint: thumbprint.nullish(),
    certificationAuthority: name,
    certificationAuthorityName: name,
    certificateTemplateName: name,
    caProvider: anyCase(['auto', 'adcs', 'digicert', 'embedded', 'external']),
    subjectName: plainText(4096),
    subjectAlternativeNames: z.array(subjectAlternativeName).max(500),
    onPremisesSecurityIdentifier: plainText(256).nullish(),
    keyAlgorithm: anyCase(['rsa', 'ec']),
    keySize: z.int().min(256).max(8192).optional(),
    hashAlgorithm: anyCase(['sha256', 'sha384', 'sha512']),
    keyUsage: z
      .array(anyCase(['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'keyAgreement']))
      .max(8),
    extendedKeyUsages: z.array(z.object({ name: name.optional(), objectIdentifier })).max(500),
    certificateValidityPeriodValue: z.int().min(1).max(10_000),
    certificateValidityPeriodScale: anyCase(['days', 'months', 'years']),
    payload: packing,
    recipients,
    escrowRecipients,
    resume: z.object({ caRequestId }).optional(),
  })
  .meta({ id: 'PkcsItem' })

/** A payload that leaves the connector: the PFX under its password, the password in CMS for the recipient. */
const sealedPayload = z
  .object({
    protection,
    encryptedPfxBlob: base64(MIB).optional(),
    encryptedPfxPassword: base64(64 * KIB).optional(),
    deviceKeyThumbprint: thumbprint,
  })
  .meta({ id: 'SealedPayload' })

/** A copy that only connectors open: CMS with one recipient for each. */
const escrowPayload = z.object({ cms: base64(4 * MIB) }).meta({ id: 'EscrowPayload' })

/** The certificate and its payload, or why there is none. */
export const pkcsResult = z
  .object({
    ...resultIdentity,
    hresult: z
      .string()
      .regex(/^0x[0-9A-F]{8}$/)
      .nullish(),
    caConfiguration: name.optional(),
    caRequestId: caRequestId.nullish(),
    certificate: certificateBase64.optional(),
    serialNumber: z
      .string()
      .regex(/^[0-9A-F]{1,40}$/)
      .optional(),
    issuerName: plainText(4096).optional(),
    thumbprint: thumbprint.optional(),
    startDateTime: time.optional(),
    expirationDateTime: time.optional(),
    payload: sealedPayload.optional(),
    escrowPayload: escrowPayload.nullish(),
    durationMs: z.int().min(0).optional(),
  })
  .meta({ id: 'PkcsResult' })

/** A payload to be sealed again, for a new key of the device or for other connectors. */
export const recryptItem = z
  .object({
    ...subjectOfWork,
    thumbprint,
    serialNumber: z
      .string()
      .regex(/^[0-9A-Fa-f]{1,64}$/)
      .optional(),
    deviceKeyThumbprint: thumbprint,
    sourceType: anyCase(['pkcs', 'import']),
    escrowPayload: escrowPayload.nullish(),
    payload: packing,
    recipients,
    escrowRecipients,
  })
  .meta({ id: 'RecryptItem' })

export const recryptResult = z
  .object({
    ...resultIdentity,
    thumbprint: thumbprint.optional(),
    payload: sealedPayload.optional(),
    escrowPayload: escrowPayload.nullish(),
    durationMs: z.int().min(0).optional(),
  })
  .meta({ id: 'RecryptResult' })

/** Graph's `userPFXCertificate`, unchanged. */
export const userPfxCertificate = z
  .object({
    id: z.string().min(1).max(256),
    thumbprint,
    intendedPurpose: anyCase(['unassigned', 'smimeEncryption', 'smimeSigning', 'vpn', 'wifi']),
    userPrincipalName: name,
    providerName: name,
    keyName: name,
    paddingScheme: anyCase(['none', 'pkcs1', 'oaepSha1', 'oaepSha256', 'oaepSha384', 'oaepSha512']),
    startDateTime: time.optional(),
    expirationDateTime: time.optional(),
    encryptedPfxBlob: base64(MIB),
    encryptedPfxPassword: z.string().max(4 * KIB),
  })
  .meta({ id: 'UserPfxCertificate' })

/** A PFX of an administrator, its password encrypted to a key that connectors hold. */
export const importItem = z
  .object({
    ...subjectOfWork,
    userPfxCertificate,
    appleProfiles: z.array(base64(MIB)).max(16).optional(),
    recipients,
  })
  .meta({ id: 'ImportItem' })

export const importResult = z
  .object({
    ...resultIdentity,
    thumbprint: thumbprint.optional(),
    deviceKeyThumbprint: thumbprint.optional(),
    encryptedPfxPassword: base64(64 * KIB).optional(),
    encryptedAppleProfiles: z
      .array(base64(2 * MIB))
      .max(16)
      .optional(),
    encryptedPfxBlob: base64(MIB).optional(),
  })
  .meta({ id: 'ImportResult' })

/** Reasons a revocation may be asked for (RFC 5280, section 5.3.1). */
const revocationReason = anyCase([
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
])

/** A certificate to be revoked: Microsoft's four members, and more. */
export const revocationItem = z
  .object({
    ...itemIdentity.shape,
    serialNumber: z.string().min(1).max(256),
    issuerName: plainText(4096).nullish(),
    caConfiguration: plainText(1024).nullish(),
    thumbprint: thumbprint.nullish(),
    revocationReason: revocationReason.nullish(),
    revocationDateTime: time.nullish(),
    deviceId: guid.nullish(),
    userId: guid.nullish(),
  })
  .meta({ id: 'RevocationItem' })

export const revocationResult = z
  .object({
    ...resultIdentity,
    requestContext,
    revokedDateTime: time.optional(),
    alreadyRevoked: z.boolean().optional(),
  })
  .meta({ id: 'RevocationResult' })
