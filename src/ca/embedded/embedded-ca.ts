import { type Clock, ConnectorError } from '../../kernel/index.ts'
import type {
  CaBackend,
  CertificateStatus,
  EnrolOrder,
  EnrolResult,
  RevocationReason,
  RevokeOrder,
  RevokeResult,
} from '../port.ts'
import { type CrlRules, createCrlPublisher } from './crl-publisher.ts'
import { checkEmbeddedHealth } from './embedded-health.ts'
import { createIssuedMemory, verifySameRequest } from './issued-memory.ts'
import type { CrlShelf, IssuedRegister, Publication } from './registers.ts'
import type { CertificateSigner } from './signer.ts'

export interface EmbeddedCaOptions {
  /** Also the name of the CA in URLs and in the register. */
  readonly id: string
  /** DER, issuing CA first, root last. */
  readonly chain: readonly Uint8Array[]
  readonly signer: CertificateSigner
  readonly certificates: IssuedRegister
  readonly crls: CrlShelf
  readonly clock: Clock
  /** RA certificates whose end `health` watches too; asked each time, since they are renewed. */
  readonly raCertificates?: () => readonly Uint8Array[]
  /** Address of the full CRL, as certificates have it; undefined: shards and deltas have no address, so there are none. */
  readonly crlUrl?: string
  readonly crlRules?: CrlRules
  /** Most signatures at once. Default 64: the signer has a queue of its own. */
  readonly maxParallel?: number
}

/** The CA inside the connector, with what only it can do. */
export interface EmbeddedCa extends CaBackend {
  /** @see CrlPublisher.publish */
  publishCrl(): Promise<Publication>
}

const HOLD = 6

/** All but removeFromCRL (8), which is no reason to revoke. */
const REASONS: ReadonlySet<RevocationReason> = new Set([0, 1, 2, 3, 4, 5, HOLD, 9, 10])

/**
 * The embedded CA as a backend. Signs with `signer`, remembers through its registers, decides nothing: every order is
 * issued.
 *
 * `enrol` is idempotent by serial: the same order gives the same certificate, from memory or, from the second attempt on,
 * from the register.
 *
 * @throws ConnectorError `ca/misconfigured` the chain is empty or its first key is no CA key
 */
export function createEmbeddedCa(options: EmbeddedCaOptions): EmbeddedCa {
  const { id, chain, signer, certificates, clock } = options
  const [issuerDer] = chain
  if (!issuerDer) throw new ConnectorError('ca/misconfigured', `the chain of CA ${id} is empty`)
  const publisher = createCrlPublisher({
    caId: id,
    issuerDer,
    signer,
    certificates,
    crls: options.crls,
    clock,
    crlUrl: options.crlUrl,
    ...(options.crlRules === undefined ? {} : { rules: options.crlRules }),
  })
  const issued = createIssuedMemory()
  const running = new Set<Promise<unknown>>()
  let isClosed = false

  /** Runs a call that `close` waits for and `signal` ends. */
  async function run<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (isClosed) throw unavailable(`CA ${id} is closed`)
    if (signal.aborted) throw unavailable(`the call of CA ${id} was given up before it began`)
    const work = call().catch((cause: unknown) => {
      throw isTransient(cause) ? unavailable(`CA ${id} cannot work just now`, cause) : cause
    })
    running.add(work)
    const end = () => running.delete(work)
    work.then(end, end)
    return untilAborted(work, signal, id)
  }

  async function enrol({ certificate, requestKey, attempt }: EnrolOrder): Promise<EnrolResult> {
    const { serialHex } = certificate
    const certificateDer = await issued.getOrMake(serialHex, requestKey, async () => {
      // The first attempt comes with a serial that was reserved just now: nothing can be on record.
      const known = attempt > 1 ? await certificates.findBySerial(id, serialHex) : undefined
      if (known) verifySameRequest(serialHex, known.requestKey, requestKey)
      return known?.certificateDer ?? signer.issueCertificate(id, certificate)
    })
    return { status: 'issued', certificateDer }
  }

  async function find({ certificate, requestKey }: EnrolOrder): Promise<EnrolResult | undefined> {
    const known = await certificates.findBySerial(id, certificate.serialHex)
    return known?.certificateDer && known.requestKey === requestKey
      ? { status: 'issued', certificateDer: known.certificateDer }
      : undefined
  }

  /** Of what is in this register: with the same key another instance may have issued what is not, and may have revoked it. */
  async function findStatus(serialHex: string): Promise<CertificateStatus> {
    const known = await certificates.findBySerial(id, serialHex)
    if (known?.revokedAt !== undefined) return 'revoked'
    return known?.certificateDer === undefined ? 'unknown' : 'good'
  }

  async function revoke(order: RevokeOrder): Promise<RevokeResult> {
    const { serialHex, reason, at } = order
    if (!REASONS.has(reason)) {
      return {
        status: 'notSupported',
        message: `CA ${id} does not revoke for reason ${reason}`,
      }
    }
    const before = await certificates.findBySerial(id, serialHex)
    const isMarked = await certificates.revoke(id, serialHex, reason, at)
    if (!isMarked) {
      return { status: 'notFound', message: `CA ${id} has issued no certificate ${serialHex}` }
    }
    // Also when it was revoked before: the CRL may have failed then.
    await publisher.publish()
    const wasHeld = before?.revocationReason === HOLD && reason !== HOLD
    return before?.revokedAt && !wasHeld
      ? { status: 'alreadyRevoked', at: before.revokedAt }
      : { status: 'revoked', at }
  }

  return {
    id,
    kind: 'embedded',
    capabilities: {
      pending: false,
      revoke: true,
      reasons: REASONS,
      idempotent: 'serial',
      maxParallel: options.maxParallel ?? 64,
    },
    enrol: (order, signal) => run(() => enrol(order).catch(denyRefused), signal),
    async poll() {
      throw new ConnectorError('ca/refused', `CA ${id} keeps no request pending: nothing to poll`)
    },
    find: (order, signal) => run(() => find(order), signal),
    findStatus: (serialHex, signal) => run(() => findStatus(serialHex), signal),
    revoke: (order, signal) => run(() => revoke(order), signal),
    chain: async () => chain,
    health: (signal) => run(() => checkEmbeddedHealth({ ...options, issuerDer }), signal),
    publishCrl: () => publisher.publish(),
    async close() {
      isClosed = true
      await Promise.allSettled(running)
    },
  }
}

/** A refusal is a decision about this request, so it is told and not thrown. */
function denyRefused(cause: unknown): EnrolResult {
  if (!(cause instanceof ConnectorError) || cause.code !== 'ca/refused') throw cause
  return { status: 'denied', code: cause.code, message: cause.message }
}

function isTransient(cause: unknown): boolean {
  return cause instanceof ConnectorError && cause.isTransient
}

function unavailable(message: string, cause?: unknown): ConnectorError {
  return new ConnectorError('ca/unavailable', message, { isTransient: true, cause })
}

/** What was begun goes on behind an aborted call; a repeated order finds its result in memory. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal, id: string): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const giveUp = () =>
    reject(unavailable(`CA ${id} did not answer before the caller gave up`, signal.reason))
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}
