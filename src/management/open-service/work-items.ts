import type * as z from 'zod'
import type {
  PayloadRecipient,
  PayloadWish,
  PkcsImportRequest,
  PkcsRecryptRequest,
  PkcsRequest,
  RequestedName,
  RevocationRequest,
  WorkOrigin,
} from '../work-items.ts'
import type { importItem, pkcsItem, recryptItem, revocationItem } from './wire/items.ts'

type PkcsWire = z.output<typeof pkcsItem>
type RecryptWire = z.output<typeof recryptItem>
type ImportWire = z.output<typeof importItem>
type RevocationWire = z.output<typeof revocationItem>

/** Items of the wire as the port says them; shapes and sizes have been checked. */
export const workRequests = {
  pkcs: (item: PkcsWire): PkcsRequest => ({
    ...originOf(item),
    userPrincipalName: item.userPrincipalName ?? undefined,
    certificateType: item.certificateType,
    requestType: item.requestType,
    renewsThumbprintHex: item.renewsThumbprint?.toLowerCase(),
    certificationAuthority: item.certificationAuthority,
    certificationAuthorityName: item.certificationAuthorityName,
    certificateTemplateName: item.certificateTemplateName,
    caProvider: item.caProvider,
    subjectName: item.subjectName,
    subjectAlternativeNames: item.subjectAlternativeNames.map(nameOf),
    onPremisesSecurityIdentifier: item.onPremisesSecurityIdentifier ?? undefined,
    keyAlgorithm: item.keyAlgorithm,
    keySize: item.keySize ?? (item.keyAlgorithm === 'rsa' ? 2048 : 256),
    hashAlgorithm: item.hashAlgorithm,
    keyUsage: item.keyUsage,
    extendedKeyUsages: item.extendedKeyUsages.map(({ objectIdentifier }) => objectIdentifier),
    validity: {
      value: item.certificateValidityPeriodValue,
      scale: item.certificateValidityPeriodScale,
    },
    payload: wishOf(item.payload),
    recipients: item.recipients.map(recipientOf),
    escrowRecipients: item.escrowRecipients.map(recipientOf),
    resumeCaRequestId: item.resume?.caRequestId,
  }),
  pkcsRecrypt: (item: RecryptWire): PkcsRecryptRequest => ({
    ...originOf(item),
    thumbprintHex: item.thumbprint.toLowerCase(),
    deviceKeyThumbprintHex: item.deviceKeyThumbprint.toLowerCase(),
    sourceType: item.sourceType,
    escrowPayload: item.escrowPayload ? bytesOf(item.escrowPayload.cms) : undefined,
    payload: wishOf(item.payload),
    recipients: item.recipients.map(recipientOf),
    escrowRecipients: item.escrowRecipients.map(recipientOf),
  }),
  pkcsImport: ({ userPfxCertificate: pfx, ...item }: ImportWire): PkcsImportRequest => ({
    ...originOf(item),
    userPrincipalName: pfx.userPrincipalName,
    thumbprintHex: pfx.thumbprint.toLowerCase(),
    intendedPurpose: pfx.intendedPurpose,
    providerName: pfx.providerName,
    keyName: pfx.keyName,
    paddingScheme: pfx.paddingScheme,
    notBefore: dateOf(pfx.startDateTime),
    notAfter: dateOf(pfx.expirationDateTime),
    pfx: bytesOf(pfx.encryptedPfxBlob),
    encryptedPfxPassword: bytesOf(pfx.encryptedPfxPassword),
    appleProfiles: (item.appleProfiles ?? []).map(bytesOf),
    recipients: item.recipients.map(recipientOf),
  }),
  revocation: (item: RevocationWire): RevocationRequest => ({
    serialNumber: item.serialNumber,
    issuerName: item.issuerName ?? undefined,
    caConfiguration: item.caConfiguration ?? undefined,
    thumbprintHex: item.thumbprint?.toLowerCase(),
    reason: item.revocationReason ?? undefined,
    deviceId: item.deviceId ?? undefined,
    userId: item.userId ?? undefined,
  }),
}

function originOf(
  item: Omit<RecryptWire, 'escrowPayload'> | Omit<ImportWire, 'userPfxCertificate'>,
): WorkOrigin {
  return {
    requestId: item.requestId,
    tenantId: item.tenantId,
    deviceId: item.deviceId,
    userId: item.userId ?? undefined,
    profileId: item.profileId,
    platform: item.platform,
  }
}

function recipientOf(recipient: PkcsWire['recipients'][number]): PayloadRecipient {
  return {
    certificateDer: bytesOf(recipient.certificate),
    chain: (recipient.chain ?? []).map(bytesOf),
    thumbprintHex: recipient.thumbprint.toLowerCase(),
    keyWrap: recipient.keyWrap,
    contentEncryption: recipient.contentEncryption,
  }
}

function wishOf(wish: PkcsWire['payload']): PayloadWish {
  return {
    protection: wish.protection,
    pfxEncryption: wish.pfxEncryption ?? 'aes256',
    includeChain: wish.includeChain ?? true,
  }
}

function nameOf({ sanType, name }: PkcsWire['subjectAlternativeNames'][number]): RequestedName {
  return { sanType, name: typeof name === 'string' ? name : `${name.oid}:${name.valueDer}` }
}

function dateOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text)
}

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'))
}
