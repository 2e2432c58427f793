/** What each kind of work asks for. */
export interface WorkRequests {
  readonly pkcs: PkcsRequest
  readonly pkcsRecrypt: PkcsRecryptRequest
  readonly pkcsImport: PkcsImportRequest
  readonly revocation: RevocationRequest
}

/** What a successful result of each kind carries. */
export interface WorkValues {
  readonly pkcs: PkcsValue
  readonly pkcsRecrypt: PkcsRecryptValue
  readonly pkcsImport: PkcsImportValue
  readonly revocation: RevocationValue
}

/** Who and what an item is for. Text of the service: for events and for binding checks, never for decisions alone. */
export interface WorkOrigin {
  /** Of the service; the transactionId of its events where there is one. */
  readonly requestId: string
  readonly tenantId: string | undefined
  readonly deviceId: string
  readonly userId: string | undefined
  readonly profileId: string
  /** As the service spells it. */
  readonly platform: string
}

/** A certificate that a payload is sealed for; not verified yet. */
export interface PayloadRecipient {
  readonly certificateDer: Uint8Array
  /** Its issuers, DER, in any order; the service's word. */
  readonly chain: readonly Uint8Array[]
  /** SHA-1, 40 hexadecimal digits in lower case. */
  readonly thumbprintHex: string
  readonly keyWrap: 'rsaes-oaep-sha256' | 'rsa-pkcs1' | undefined
  readonly contentEncryption: 'aes-256-gcm' | 'aes-256-cbc' | 'des-ede3-cbc' | undefined
}

/** A kind and a text; `otherName` has the type before a colon, the DER in base64 behind it. */
export interface RequestedName {
  readonly sanType:
    | 'emailAddress'
    | 'userPrincipalName'
    | 'domainNameService'
    | 'universalResourceIdentifier'
    | 'directoryName'
    | 'ipAddress'
    | 'otherName'
  readonly name: string
}

/** How a payload is to be protected. */
export interface PayloadWish {
  readonly protection: 'passwordCms' | 'payloadCms' | 'applePlistCms' | 'serviceCms'
  readonly pfxEncryption: 'aes256' | 'tripleDes'
  readonly includeChain: boolean
}

/** A certificate with its key is to be made. */
export interface PkcsRequest extends WorkOrigin {
  readonly userPrincipalName: string | undefined
  readonly certificateType: 'user' | 'device'
  readonly requestType: 'new' | 'renew'
  readonly renewsThumbprintHex: string | undefined
  readonly certificationAuthority: string
  readonly certificationAuthorityName: string
  readonly certificateTemplateName: string
  readonly caProvider: string
  /** RFC 4514, variables resolved by the service. */
  readonly subjectName: string
  readonly subjectAlternativeNames: readonly RequestedName[]
  readonly onPremisesSecurityIdentifier: string | undefined
  readonly keyAlgorithm: 'rsa' | 'ec'
  readonly keySize: number
  readonly hashAlgorithm: 'sha256' | 'sha384' | 'sha512'
  readonly keyUsage: readonly string[]
  readonly extendedKeyUsages: readonly string[]
  readonly validity: { readonly value: number; readonly scale: 'days' | 'months' | 'years' }
  readonly payload: PayloadWish
  readonly recipients: readonly PayloadRecipient[]
  readonly escrowRecipients: readonly PayloadRecipient[]
  /** The CA's own name of a request that was pending when it was given back. */
  readonly resumeCaRequestId: string | undefined
}

/** A PFX and its password, sealed. */
export interface SealedPayload {
  readonly protection: PayloadWish['protection']
  readonly encryptedPfxBlob: Uint8Array
  readonly encryptedPfxPassword: Uint8Array | undefined
  readonly deviceKeyThumbprintHex: string
}

/** An issued certificate with its sealed key. */
export interface PkcsValue {
  readonly caConfiguration: string
  readonly caRequestId: string | undefined
  readonly certificateDer: Uint8Array
  readonly serialHex: string
  readonly issuerName: string
  readonly thumbprintHex: string
  readonly notBefore: Date
  readonly notAfter: Date
  readonly payload: SealedPayload
  /** CMS for all connectors of the fleet. */
  readonly escrowPayload: Uint8Array | undefined
}

/** A stored certificate is to be sealed for another device key. */
export interface PkcsRecryptRequest extends WorkOrigin {
  readonly thumbprintHex: string
  /** Of the new key. */
  readonly deviceKeyThumbprintHex: string
  readonly sourceType: 'pkcs' | 'import'
  /** Undefined: the service has none. */
  readonly escrowPayload: Uint8Array | undefined
  readonly payload: PayloadWish
  readonly recipients: readonly PayloadRecipient[]
  readonly escrowRecipients: readonly PayloadRecipient[]
}

/** The same certificate, sealed anew. */
export interface PkcsRecryptValue {
  readonly thumbprintHex: string
  readonly payload: SealedPayload | undefined
  readonly escrowPayload: Uint8Array | undefined
}

/** A PFX that an administrator uploaded is to be sealed for a device. */
export interface PkcsImportRequest extends WorkOrigin {
  readonly userPrincipalName: string | undefined
  readonly thumbprintHex: string
  readonly intendedPurpose: string
  readonly providerName: string
  readonly keyName: string
  readonly paddingScheme: string
  readonly notBefore: Date | undefined
  readonly notAfter: Date | undefined
  /** The PFX as it was uploaded. */
  readonly pfx: Uint8Array
  /** Its password under the on-premises key. */
  readonly encryptedPfxPassword: Uint8Array
  /** Configuration profiles to be encrypted as well. */
  readonly appleProfiles: readonly Uint8Array[]
  readonly recipients: readonly PayloadRecipient[]
}

/** An import for one device. */
export interface PkcsImportValue {
  readonly thumbprintHex: string
  readonly deviceKeyThumbprintHex: string
  readonly encryptedPfxPassword: Uint8Array
  readonly encryptedAppleProfiles: readonly Uint8Array[]
  /** Undefined where it is the one that came. */
  readonly encryptedPfxBlob: Uint8Array | undefined
}

/** A certificate is to be revoked. Which one, and whether it is ours, is still to be found out. */
export interface RevocationRequest {
  /** As it was reported when the certificate was issued, or in whatever form the service keeps serials. */
  readonly serialNumber: string
  readonly issuerName: string | undefined
  readonly caConfiguration: string | undefined
  /** SHA-1, where the service tells it. */
  readonly thumbprintHex: string | undefined
  /** Name of RFC 5280, section 5.3.1, where the service tells one that a connector may use. */
  readonly reason:
    | 'unspecified'
    | 'keyCompromise'
    | 'affiliationChanged'
    | 'superseded'
    | 'cessationOfOperation'
    | 'certificateHold'
    | undefined
  readonly deviceId: string | undefined
  readonly userId: string | undefined
}

/** A certificate is revoked, by us now or by somebody before. */
export interface RevocationValue {
  readonly revokedAt: Date
  readonly alreadyRevoked: boolean
}
