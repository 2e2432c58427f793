/** What a challenge validator is told of a request. */
export interface ChallengeToValidate {
  /** Name of the SCEP profile that was asked. */
  readonly profile: string
  /** The same for the same request sent again: what a one-time challenge is bound to. */
  readonly requestKey: string
  readonly transactionId: string
  /** The PKCS #10 with the challenge inside. */
  readonly csrDer: Uint8Array
  /** The challengePassword attribute; undefined when the CSR has none. */
  readonly challenge: string | undefined
  /** Correlates our events with the call's `client-request-id`. */
  readonly activityId: string
}

/** An answer about a challenge. Only `accepted` lets a request go on. */
export type Verdict =
  | { readonly kind: 'accepted'; readonly serverRequestId?: string }
  | {
      readonly kind: 'refused'
      /** Name of the reason, as published (`ChallengeExpired`, …). May be one that we do not know. */
      readonly code: string
      /** For the operator's log; no challenge text. */
      readonly reason: string
      readonly serverRequestId?: string
    }

/**
 * Decides whether a challenge belongs to this request. Fails closed: whatever is not a clear yes is a refusal or an error.
 *
 * @throws ConnectorError `management/unavailable` nobody answered within the budget; transient
 * @throws ConnectorError `management/unauthorized` our credentials or permissions do not suffice
 * @throws ConnectorError `management/bad-response`, `management/misconfigured`
 */
export interface ScepValidator {
  validate(challenge: ChallengeToValidate, signal: AbortSignal): Promise<Verdict>
  /** Present where a challenge belongs to the first request that presents it. */
  readonly bindings?: ChallengeBindings
}

/** Which request a one-time challenge belongs to, beyond its validation. */
export interface ChallengeBindings {
  /** Whether one is bound to this request; asked between the intent and the signature. */
  isBound(requestKey: string): Promise<boolean>
  /** The request ended without a certificate: another may use its challenge. Does nothing when it did get one. */
  release(requestKey: string): Promise<void>
}

/** A certificate was issued (Intune: successNotification). */
export interface SuccessNotification {
  readonly kind: 'success'
  readonly transactionId: string
  readonly csrDer: Uint8Array
  /** SHA-1 over the certificate DER, 40 upper-case hexadecimal digits. */
  readonly thumbprintHex: string
  readonly serialHex: string
  readonly notAfter: Date
  /** Issuer's distinguished name, RFC 4514. */
  readonly issuer: string
  /** Common name of the CA. */
  readonly certificateAuthority: string
  /** Stable identifier of the CA backend, `connector-ca/<id>`. */
  readonly caConfiguration: string
}

/** A validated request failed for a reason of ours (Intune: failureNotification). */
export interface FailureNotification {
  readonly kind: 'failure'
  readonly transactionId: string
  readonly csrDer: Uint8Array
  /** Signed 32-bit HRESULT. */
  readonly hResult: number
  /** Not empty; the implementation cuts it to 255 characters. */
  readonly errorDescription: string
}

export type ScepNotification = SuccessNotification | FailureNotification

/** What is known of a delivered notification. */
export interface NotificationReceipt {
  readonly serverRequestId?: string
}

/**
 * Tells the management service the outcome. Safe to repeat. Does not retry; the courier does.
 *
 * @throws ConnectorError `management/unavailable`, `management/unauthorized`, `management/bad-response`, `management/misconfigured`;
 *   a `code` other than Success is `management/bad-response`
 */
export interface ScepNotifier {
  notify(
    notification: ScepNotification,
    activityId: string,
    signal: AbortSignal,
  ): Promise<NotificationReceipt>
}

/** Whether the management service can be reached with our credentials; for readiness. */
export interface ManagementHealth {
  check(signal: AbortSignal): Promise<{ readonly ok: boolean; readonly detail: string }>
}

/** Whom a certificate is for, as the directory knows them. */
export type DirectorySubject =
  | { readonly kind: 'user'; readonly userPrincipalName: string }
  /** By its id in Intune, a GUID. */
  | { readonly kind: 'managed-device'; readonly id: string }
  /** By its id in Entra ID or, where that knows none such, in Intune; a GUID. */
  | { readonly kind: 'device'; readonly id: string }

/**
 * Tells the on-premises security identifier of a user or device. Fails closed: without a clear answer of the directory
 * there is an error, never a SID.
 *
 * @throws ConnectorError `management/unavailable` nobody answered within the budget; transient
 * @throws ConnectorError `management/unauthorized` our credentials or permissions do not suffice
 * @throws ConnectorError `management/bad-response`, `management/misconfigured`
 */
export interface SidDirectory {
  /** `S-1-5-21-…`; undefined: the directory does not know the subject, or it is in the cloud only. */
  findSid(
    subject: DirectorySubject,
    activityId: string,
    signal: AbortSignal,
  ): Promise<string | undefined>
}

/** What the service keeps of an imported PFX, without the PFX and its password: those it does not give back. */
export interface ImportedPfx {
  /** SHA-1 of the certificate, 40 lower-case hexadecimal digits. */
  readonly thumbprint: string
  readonly userPrincipalName: string
  /** As Graph names it, in lower camel case: `smimeEncryption`. */
  readonly intendedPurpose: string
  /** CNG provider and key that the password was encrypted to. */
  readonly providerName: string
  readonly keyName: string
  /** As Graph names it, in lower camel case: `oaepSha512`. */
  readonly paddingScheme: string
  readonly startDateTime: Date
  readonly expirationDateTime: Date
  /** undefined where the service does not say. */
  readonly lastModifiedDateTime: Date | undefined
}

/** An imported PFX to be recorded. */
export interface ImportedPfxRecord extends Omit<ImportedPfx, 'lastModifiedDateTime'> {
  /** The PFX file, unchanged. */
  readonly encryptedPfxBlob: Uint8Array
  /** Its password, encrypted with RSA to the key. */
  readonly encryptedPfxPassword: Uint8Array
}

/** An imported PFX on one device. */
export interface ImportDelivery {
  readonly deviceId: string
  readonly state: 'pending' | 'delivered' | 'failed'
  readonly at: Date
  /** Why it failed. */
  readonly problem: string | undefined
}

/**
 * The administrator's side of imported PFX. Safe to repeat. A user is one by its id, a GUID.
 *
 * @throws ConnectorError `management/unavailable`, `management/unauthorized`, `management/bad-response`, `management/misconfigured`
 */
export interface PfxImports {
  findUserId(userPrincipalName: string, signal: AbortSignal): Promise<string | undefined>
  /** Of one user, or of all. */
  list(userPrincipalName: string | undefined, signal: AbortSignal): Promise<readonly ImportedPfx[]>
  find(userId: string, thumbprint: string, signal: AbortSignal): Promise<ImportedPfx | undefined>
  add(record: ImportedPfxRecord, signal: AbortSignal): Promise<void>
  /** Writes over the record of the same user and thumbprint. */
  replace(userId: string, record: ImportedPfxRecord, signal: AbortSignal): Promise<void>
  /** false: there was none. */
  remove(userId: string, thumbprint: string, signal: AbortSignal): Promise<boolean>
  /** Absent where the service does not tell. */
  listDeliveries?(
    userId: string,
    thumbprint: string,
    signal: AbortSignal,
  ): Promise<readonly ImportDelivery[]>
}
