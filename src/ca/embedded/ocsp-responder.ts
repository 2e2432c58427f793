import { createHash } from 'node:crypto'
import { type Clock, ConnectorError, equalBytes, toHex } from '../../kernel/index.ts'
import {
  encodeOcspProblem,
  encodeOcspResponse,
  encodeOcspResponseData,
  type OcspCertificateId,
  type OcspRequest,
  type OcspStatus,
  parseCertificate,
  parseElement,
  parseOcspRequest,
} from '../../pki/index.ts'
import { createOcspSigner, type OcspSigner } from './ocsp-signer.ts'
import type { IssuedRegister } from './registers.ts'
import type { CertificateSigner } from './signer.ts'

/** An answer with what HTTP caches may know of it; undefined for one that must not be kept. */
export interface OcspReply {
  readonly der: Uint8Array
  readonly cache: { readonly thisUpdate: Date; readonly nextUpdate: Date } | undefined
}

/** Answers whether certificates of embedded CAs are good. Never throws: what goes wrong is an answer too. */
export type OcspResponder = (requestDer: Uint8Array) => Promise<OcspReply>

/** A CA that is answered for. */
export interface OcspAuthority {
  readonly caId: string
  readonly issuerDer: Uint8Array
  /** How long a signed answer is given again; a revocation shows after this time at the latest. */
  readonly cacheMs: number
  /** From thisUpdate to nextUpdate. */
  readonly validityMs: number
  /** Signatures that strangers can have of this CA in a second; beyond it tryLater. 0: no limit. */
  readonly maxSignedPerSecond: number
}

export interface OcspResponderOptions {
  /** Asked each time: generations of a CA come and go. */
  readonly authorities: () => readonly OcspAuthority[]
  readonly signer: Pick<CertificateSigner, 'sign'>
  readonly certificates: Pick<IssuedRegister, 'findBySerial'>
  readonly clock: Clock
  readonly random: (length: number) => Uint8Array
  /** Told of failures that a client only sees as internalError or tryLater. */
  readonly onFailure: (error: unknown) => void
}

const MAX_CACHED = 10_000

/** A CertID with SHA-512 and a serial of 20 octets has 172. */
const MAX_KEPT_OCTETS = 256

/** Digests that a CertID may be made with; SHA-1 is what RFC 5019 asks of every client. */
const digests: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}

/**
 * The responder of the embedded CAs (RFC 6960, RFC 5019; nonces as RFC 9654).
 *
 * A serial that was never issued is `unknown`, another issuer `unauthorized`. Answers about one certificate without a nonce
 * are signed once and given again for a while; all others are signed anew, so many a second and no more. The signer of a CA is made when it is first
 * needed and again at half of its life.
 */
export function createOcspResponder(options: OcspResponderOptions): OcspResponder {
  const { clock } = options
  const signers = new Map<string, Promise<OcspSigner>>()
  const signed = new Map<string, { readonly second: number; count: number }>()
  const cached = new Map<
    string,
    { readonly reply: OcspReply; readonly since: number; readonly until: number }
  >()

  async function getSigner({ caId, issuerDer }: OcspAuthority): Promise<OcspSigner> {
    const { signer, random } = options
    const known = signers.get(caId)
    const current = await known
    if (known !== undefined && current !== undefined && isFresh(current)) return current
    // Whoever comes first makes the next one; the others wait for it.
    const latest = signers.get(caId)
    if (latest !== undefined && latest !== known) return await latest
    const made = createOcspSigner(caId, issuerDer, signer, clock, random)
    signers.set(caId, made)
    made.catch(() => signers.delete(caId))
    return await made
  }

  /** Nor made while the clock was ahead. */
  function isFresh({ notBefore, renewAt }: OcspSigner): boolean {
    const now = clock.now()
    return now >= notBefore && now < renewAt
  }

  async function answer(request: OcspRequest): Promise<OcspReply> {
    const authority = findAuthority(request, options.authorities())
    if (authority === undefined) return problem('unauthorized')
    const [only, ...others] = request.certificateIds
    const isKept = others.length === 0 && only !== undefined && only.der.length <= MAX_KEPT_OCTETS
    if (request.nonce !== undefined || !isKept) return await make(request, authority)
    const key = toHex(only.der)
    const now = clock.now().getTime()
    const kept = cached.get(key)
    if (kept !== undefined && now >= kept.since && now < kept.until) return kept.reply
    const reply = await make(request, authority)
    cached.delete(key)
    const [oldest] = cached.keys()
    if (cached.size >= MAX_CACHED && oldest !== undefined) cached.delete(oldest)
    const until = now + authority.cacheMs
    if (until > now) cached.set(key, { reply, since: now, until })
    return reply
  }

  /** @throws ConnectorError `worker/overloaded` this second has had its signatures; transient */
  function countSignature({ caId, maxSignedPerSecond: limit }: OcspAuthority): void {
    const second = Math.floor(clock.now().getTime() / 1000)
    const last = signed.get(caId)
    const current = last?.second === second ? last : { second, count: 0 }
    signed.set(caId, current)
    if (limit > 0 && current.count >= limit)
      throw new ConnectorError(
        'worker/overloaded',
        `OCSP of CA ${caId}: more than ${limit} answers to sign in a second; see ca[].ocsp.maxSignedPerSecond`,
        { isTransient: true },
      )
    current.count += 1
  }

  async function make(request: OcspRequest, authority: OcspAuthority): Promise<OcspReply> {
    countSignature(authority)
    const signer = await getSigner(authority)
    const producedAt = clock.now()
    const nextUpdate = new Date(producedAt.getTime() + authority.validityMs)
    const answers = await Promise.all(
      request.certificateIds.map(async ({ der, serialHex }) => ({
        certificateIdDer: der,
        status: await findStatus(authority.caId, serialHex),
      })),
    )
    const data = encodeOcspResponseData({
      responderKeyHash: signer.keyHash,
      producedAt,
      nextUpdate,
      answers,
      nonce: request.nonce,
    })
    const signature = await signer.sign(data)
    const der = encodeOcspResponse(data, signer.algorithmDer, signature, signer.certificateDer)
    const cache = { thisUpdate: producedAt, nextUpdate }
    return { der, cache: request.nonce === undefined ? cache : undefined }
  }

  async function findStatus(caId: string, serialHex: string): Promise<OcspStatus> {
    const record = await options.certificates.findBySerial(caId, serialHex)
    if (record?.revokedAt !== undefined)
      return { kind: 'revoked', at: record.revokedAt, reason: record.revocationReason ?? 0 }
    return { kind: record?.certificateDer === undefined ? 'unknown' : 'good' }
  }

  return async (requestDer) => {
    let request: OcspRequest
    try {
      request = parseOcspRequest(requestDer)
    } catch (error) {
      if (error instanceof ConnectorError) return problem('malformedRequest')
      options.onFailure(error)
      return problem('internalError')
    }
    try {
      return await answer(request)
    } catch (error) {
      options.onFailure(error)
      const isTransient = error instanceof ConnectorError && error.isTransient
      return problem(isTransient ? 'tryLater' : 'internalError')
    }
  }
}

function problem(kind: Parameters<typeof encodeOcspProblem>[0]): OcspReply {
  return { der: encodeOcspProblem(kind), cache: undefined }
}

/** The CA that all certificates of a request are from; a request about several is answered by none. */
function findAuthority(
  { certificateIds }: OcspRequest,
  authorities: readonly OcspAuthority[],
): OcspAuthority | undefined {
  return authorities.find(({ issuerDer }) =>
    certificateIds.every((id) => isIssuerOf(id, issuerDer)),
  )
}

function isIssuerOf(
  { hashOid, issuerNameHash, issuerKeyHash }: OcspCertificateId,
  issuerDer: Uint8Array,
): boolean {
  const digest = digests[hashOid]
  if (digest === undefined) return false
  const { nameHash, keyHash } = getHashes(issuerDer, digest)
  return equalBytes(nameHash, issuerNameHash) && equalBytes(keyHash, issuerKeyHash)
}

interface IssuerHashes {
  readonly nameHash: Uint8Array
  readonly keyHash: Uint8Array
}

const hashes = new WeakMap<Uint8Array, Map<string, IssuerHashes>>()

/** Once for each CA and digest: strangers ask as often as they like. */
function getHashes(issuerDer: Uint8Array, digest: string): IssuerHashes {
  const known = hashes.get(issuerDer) ?? new Map<string, IssuerHashes>()
  hashes.set(issuerDer, known)
  const found = known.get(digest)
  if (found !== undefined) return found
  const { subjectDer, spkiDer } = parseCertificate(issuerDer)
  // The content of the BIT STRING without its count of unused bits.
  const bits = parseElement(spkiDer).children[1]?.value.subarray(1) ?? new Uint8Array()
  const hash = (bytes: Uint8Array) => new Uint8Array(createHash(digest).update(bytes).digest())
  const made = { nameHash: hash(subjectDer), keyHash: hash(bits) }
  known.set(digest, made)
  return made
}
