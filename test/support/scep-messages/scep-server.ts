import { randomBytes } from 'node:crypto'
import type { HttpFetch } from '../../../src/cli/enrolment-client/index.ts'
import {
  encodeCaCertificates,
  encodeCapabilities,
  MEDIA_TYPE,
  openRequest,
  parseHttpRequest,
  prepareRaKeyRing,
  type Reply,
  type ReplyFrame,
  type ScepRequest,
  type ScepRules,
  sealReply,
} from '../../../src/scep/index.ts'
import {
  bitString,
  commonName,
  explicit,
  integer,
  integerOctets,
  sequence,
  utcTime,
} from './ber.ts'
import { extension, signatureAlgorithm, signBytes } from './certificates.ts'
import { raMaterials, scepRules } from './codec-rules.ts'
import type { TestAuthority } from './test-authority.ts'

/** What a server of RFC 8894 announces. */
const defaultCapabilities: readonly string[] = [
  'Renewal',
  'SHA-1',
  'SHA-256',
  'SHA-512',
  'AES',
  'DES3',
  'SCEPStandard',
  'POSTPKIOperation',
]

/** A call that reached the server. */
export interface SeenCall {
  readonly method: string
  readonly operation: string
  readonly request?: ScepRequest
}

/** How a server for tests deviates from a good one. */
export interface ServerHabits {
  readonly capabilities?: readonly string[]
  /** What to answer an opened request. Default: SUCCESS with a certificate as asked. */
  readonly answer?: (request: ScepRequest, issue: (changes?: IssueChanges) => Uint8Array) => Reply
  /** In place of the answer to an operation. */
  readonly http?: Readonly<
    Record<string, { readonly status: number; readonly type: string; readonly body: string }>
  >
  readonly rules?: Partial<ScepRules>
  /** Operations at which the connection breaks. */
  readonly breaksAt?: string
}

/** What an issued certificate gets wrong. */
export interface IssueChanges {
  readonly subjectDer?: Uint8Array
  readonly spkiDer?: Uint8Array
  readonly omitSan?: boolean
  readonly issuer?: TestAuthority
}

/** The server's codec behind a function like `fetch`: capabilities, CA certificates, PKIOperation. No policy. */
export function createScepServer(authority: TestAuthority, now: Date, habits: ServerHabits = {}) {
  const ring = prepareRaKeyRing(raMaterials(authority))
  const rules = scepRules(habits.rules)
  const context = { now, random: (length: number) => randomBytes(length) }
  const seen: SeenCall[] = []
  const fetch: HttpFetch = async (url, init) => {
    const target = url.slice(new URL(url).origin.length)
    const { operation = '', messageDer } = parseHttpRequest(
      init.method,
      target,
      init.body ?? new Uint8Array(),
    )
    if (habits.breaksAt === operation) throw new TypeError('fetch failed')
    const instead = habits.http?.[operation]
    if (instead !== undefined) {
      seen.push({ method: init.method, operation })
      return answerOf(instead.status, instead.type, Buffer.from(instead.body))
    }
    if (operation !== 'PKIOperation') {
      seen.push({ method: init.method, operation })
      return operation === 'GetCACaps'
        ? answerOf(
            200,
            'text/plain',
            encodeCapabilities(habits.capabilities ?? defaultCapabilities),
          )
        : answerOf(200, MEDIA_TYPE.caRaCertificates, encodeCaCertificates(chainOf(authority)))
    }
    const outcome = openRequest(messageDer ?? new Uint8Array(), ring, rules, now)
    const seal = (frame: ReplyFrame, reply: Reply) =>
      answerOf(200, MEDIA_TYPE.pkiMessage, sealReply(frame, reply, ring, rules, context))
    if (outcome.kind === 'refused') {
      return seal(outcome.frame, { status: 'FAILURE', refusal: outcome.refusal })
    }
    if (outcome.kind === 'asked') throw new TypeError('this server answers no queries')
    const { request } = outcome
    seen.push({ method: init.method, operation, request })
    const issue = (changes: IssueChanges = {}) => issueFor(request, authority, changes)
    if (habits.answer !== undefined) return seal(request.frame, habits.answer(request, issue))
    return seal(request.frame, { status: 'SUCCESS', certificateDer: issue(), chainDer: [] })
  }
  return { fetch, seen }
}

function chainOf({ ra, issuing, root }: TestAuthority): readonly Uint8Array[] {
  return [ra, issuing, root].map((identity) => identity.certificateDer)
}

function answerOf(status: number, type: string, body: Uint8Array) {
  return Promise.resolve({
    status,
    headers: { get: (name: string) => (name === 'content-type' ? type : null) },
    arrayBuffer: () => Promise.resolve(Uint8Array.from(body).buffer),
  })
}

function issueFor(
  { csr }: ScepRequest,
  authority: TestAuthority,
  changes: IssueChanges,
): Uint8Array {
  const { issuing } = changes.issuer ?? authority
  const algorithm = signatureAlgorithm(issuing.privateKey, 'sha256')
  const extensions = csr.extensions
    .filter((entry) => !(changes.omitSan && entry.oid === '2.5.29.17'))
    .map((entry) => extension(entry.oid, entry.valueDer, entry.critical))
  const tbs = sequence(
    explicit(0, integer(2)),
    integerOctets(0x00, 0xc0, ...randomBytes(8)),
    algorithm,
    commonName('Test issuing CA'),
    sequence(utcTime(new Date('2026-11-01T00:00:00Z')), utcTime(new Date('2027-11-01T00:00:00Z'))),
    changes.subjectDer ?? csr.subjectDer,
    changes.spkiDer ?? csr.spkiDer,
    ...(extensions.length === 0 ? [] : [explicit(3, sequence(...extensions))]),
  )
  return sequence(tbs, algorithm, bitString(signBytes(tbs, issuing.privateKey, 'sha256')))
}
