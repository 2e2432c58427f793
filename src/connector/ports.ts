import type { CaBackend } from '../ca/index.ts'
import type { ScepNotifier, ScepValidator, SidDirectory } from '../management/index.ts'
import type { ScepRules } from '../scep/index.ts'
import type { CertificateRules } from './policy/certificate-policy.ts'
import type { CertificateTemplate } from './policy/certificate-template.ts'

/** The generations of the CA of a profile: one, or two and more around a roll-over (RFC 8894, section 4.7). */
export interface ProfileIssuers {
  /**
   * Who signs what was encrypted to this RA certificate (SHA-256, hexadecimal): the next generation when it is that one's;
   * the current one when it is of a previous one, unknown or undefined (REQ-52).
   */
  backendFor(raFingerprintHex: string | undefined): CaBackend
  /** The generation whose CA or RA certificate has this subject (REQ-185); undefined when none has. */
  findByName(nameDer: Uint8Array): CaBackend | undefined
  /**
   * The RA certificate that is published now (SHA-256, hexadecimal): who answers where a request named none. The threads
   * hold the RA keys of all CAs, and would take another's.
   */
  raFingerprint(): string | undefined
  /** All whose certificates may still be renewed or asked for, the current one first; never empty. */
  list(): readonly CaBackend[]
}

/** A SCEP profile as the enrolment needs it: checked, composed, ready. */
export interface EnrolmentProfile {
  readonly name: string
  readonly scep: ScepRules
  /** Keywords of GetCACaps, in order. */
  readonly capabilities: readonly string[]
  readonly validator: ScepValidator
  /** Absent where nobody is told (static challenges). */
  readonly notifier: ScepNotifier | undefined
  /** `strict`: no certificate leaves before the management service said yes. */
  readonly notifyMode: 'deferred' | 'strict'
  readonly certificate: CertificateRules
  /** Asked where rules say `sid: verified`; never otherwise. */
  readonly sids: SidDirectory | undefined
  /** Other rules for requests that name a template or ask for a purpose. */
  readonly templates: readonly CertificateTemplate[]
  readonly issuers: ProfileIssuers
  /** Renewals that the old certificate alone speaks for (REQ-137). Never where Intune validates (REQ-136). */
  readonly renewal: {
    readonly allowCertificateOnly: boolean
    readonly windowDays: number
    /** How long after its end a certificate may still sign a renewal (REQ-135). */
    readonly graceDays: number
  }
  /** What queries get (REQ-181, REQ-184). */
  readonly queries: {
    /** GetCRL is answered. */
    readonly getCrl: boolean
    /** GetCert answers anybody, not only the holder of the key. */
    readonly openCertQueries: boolean
  }
  /** When a request is answered with PENDING (RFC 8894, section 2.4). */
  readonly waiting: {
    /** What has no accepted challenge waits for an operator instead of being refused (REQ-140). */
    readonly manualApproval: boolean
    /** How long it waits for one. */
    readonly approvalDays: number
    /** What is not finished by then is PENDING, and goes on in the background (REQ-146). */
    readonly syncTimeoutMs: number
    /** What an outage of the management service or the CA is answered with (REQ-150). */
    readonly outageReply: 'pending' | 'fail'
    readonly outageMinutes: number
    /** How many requests of the profile may wait at a time. */
    readonly maxRequests: number
  }
  /** For CaBackend.enrol. */
  readonly caParameters: Readonly<Record<string, string>>
  /** How long the same request gets the same certificate, in milliseconds. Default 24 h (REQ-143). */
  readonly replayWindowMs: number
}

/** Encrypts what is written to disk and holds a challenge (AES-256-GCM under a data key). */
export interface PayloadCipher {
  seal(plain: Uint8Array): Uint8Array
  /** @throws ConnectorError `key/unreadable` the bytes were not sealed with this key */
  open(sealed: Uint8Array): Uint8Array
}

/** What the HTTP edge knows of a PKIOperation. */
export interface EnrolmentContext {
  /** Correlates all events of this request. GUID. */
  readonly requestId: string
  readonly remoteAddress: string
  /** Parameters of the URL beside operation and message, decoded; anybody can write them. Left out: none (REQ-10). */
  readonly urlParams?: ReadonlyMap<string, string> | undefined
  readonly signal: AbortSignal
}

/** What became of a request, with the CertRep that says so to the device. */
export interface EnrolmentAnswer {
  readonly replyDer: Uint8Array
  readonly outcome:
    | 'issued'
    | 'replayed'
    | 'pending'
    | 'answered'
    | 'challenge-refused'
    | 'refused'
    | 'failed'
}

/**
 * Answers one PKIOperation of one profile.
 *
 * @throws ConnectorError `scep/malformed` no transactionID could be read: HTTP 400
 * @throws ConnectorError `worker/overloaded`, `worker/timeout`, `worker/died`: HTTP 503 with Retry-After
 */
export type ScepEnrolment = (
  messageDer: Uint8Array,
  context: EnrolmentContext,
) => Promise<EnrolmentAnswer>
