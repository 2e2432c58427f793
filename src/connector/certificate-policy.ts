/** What a certificate profile allows. Parsed and checked by configuration. Plain data. */
export interface CertificateRules {
  /** Longest lifetime, also the default one. */
  readonly validityDays: number
  /** How far notBefore lies in the past, in minutes. Default 10 (REQ-132). */
  readonly backdateMinutes: number
  /** Default 2048; RSA above 8192 is always refused (REQ-121). */
  readonly minRsaBits: number
  readonly keyTypes: readonly ('rsa' | 'ec' | 'ed25519')[]
  readonly allowEmptySubject: boolean
  /** OIDs that may be issued when asked for. anyExtendedKeyUsage, smart-card logon and enrolment agent must be named to be allowed (REQ-130). */
  readonly allowedEkus: readonly string[]
  /** Issued when the CSR asks for none; empty: no extension. */
  readonly defaultEkus: readonly string[]
  /** keyUsage bit names that may be issued. */
  readonly allowedKeyUsages: readonly string[]
  readonly defaultKeyUsages: readonly string[]
  readonly sanKinds: readonly (
    | 'dns'
    | 'email'
    | 'uri'
    | 'ip'
    | 'upn'
    | 'dirName'
    | 'otherName'
    | 'registeredId'
  )[]
  /** REQ-126. `verified` needs a directory and is refused by configuration for now. */
  readonly sid: 'strip' | 'pass-uri' | 'reject'
}
