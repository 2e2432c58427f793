import { createHash, randomBytes } from 'node:crypto'
import { copyFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import {
  type AuthorityGeneration,
  createEmbeddedCa,
  createOcspResponder,
  getIssuerMaterial,
} from '../src/ca/index.ts'
import { fromHex, systemClock } from '../src/kernel/index.ts'
import {
  encodeContext,
  encodeExtensions,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  OID,
  parseCertificate,
  parseElement,
} from '../src/pki/index.ts'
import { openStore } from '../src/store/index.ts'
import { createCryptoPool } from '../src/workers/index.ts'
import { CA_ID } from './server.ts'

/** What revocation information costs with one key of the issuing CA. */
export interface RevocationResult {
  readonly crlEntries: number
  readonly crlBytes: number
  /** From the call to the CRL in the database, each time. */
  readonly crlBuildMs: readonly number[]
  /** Longest time for which the main thread did nothing else during each of them. */
  readonly crlDelayMs: readonly number[]
  readonly ocspSignedPerSecond: number
  readonly ocspCachedPerSecond: number
}

const SHA1 = '1.3.14.3.2.26'
const CRL_URL = 'http://127.0.0.1/crl/default.crl'
const VALIDITY_MS = 3_600_000

/** Requests that are under way at once, as many as there are connections in the rounds of load. */
const PARALLEL = 16

/** Different certificates that are asked about. */
const ASKED = 500

/**
 * Publishes a CRL of everything that `revokedStore` holds, and answers OCSP, through the functions and worker threads that
 * the server uses; without HTTP.
 *
 * @param scratch where a copy of the register may lie
 */
export async function measureRevocation(
  generation: AuthorityGeneration,
  revokedStore: string,
  scratch: string,
  { publications, seconds }: { readonly publications: number; readonly seconds: number },
): Promise<RevocationResult> {
  copyFileSync(revokedStore, scratch)
  const store = await openStore({ kind: 'sqlite', file: scratch })
  const pool = createCryptoPool({
    size: availableParallelism(),
    keys: {
      ras: generation.ras.map((ra) => ({ ...ra, issuersDer: [] })),
      issuers: [getIssuerMaterial(generation, CA_ID, { caIssuersUrl: undefined, crlUrl: CRL_URL })],
    },
  })
  try {
    await pool.ready()
    const { certificates, crls } = store
    const ca = createEmbeddedCa({
      id: CA_ID,
      chain: [generation.issuingDer, generation.rootDer],
      signer: pool,
      certificates,
      crls,
      crlUrl: CRL_URL,
      clock: systemClock,
    })
    const crlBuildMs: number[] = []
    const crlDelayMs: number[] = []
    let crlBytes = 0
    for (let round = 0; round < publications; round += 1) {
      // The histogram counts the intervals of its own timer, so the interval is taken off.
      const delays = monitorEventLoopDelay({ resolution: 1 })
      await new Promise((resolve) => setTimeout(resolve, 50))
      delays.enable()
      const start = performance.now()
      crlBytes = (await ca.publishCrl()).der.length
      crlBuildMs.push(performance.now() - start)
      await new Promise((resolve) => setTimeout(resolve, 20))
      delays.disable()
      crlDelayMs.push(Math.max(0, delays.max / 1e6 - 1))
    }
    const { revoked: crlEntries } = await certificates.count()

    const serials = (await certificates.listRecent(ASKED)).map(({ order }) => order.serialHex)
    const answersPerSecond = async (cacheMs: number) => {
      const respond = createOcspResponder({
        authorities: () => [
          {
            caId: CA_ID,
            issuerDer: generation.issuingDer,
            cacheMs,
            validityMs: VALIDITY_MS,
            maxSignedPerSecond: 0,
          },
        ],
        signer: pool,
        certificates,
        clock: systemClock,
        random: randomBytes,
        onFailure: (error) => {
          throw error
        },
      })
      const requests = serials.map((serialHex) =>
        requestFor(generation.issuingDer, serialHex, cacheMs === 0),
      )
      // The signer is made, the code compiled and, where there is one, the cache filled before anything counts.
      for (const request of requests) await respond(request)
      return await countPerSecond(requests, async (request) => await respond(request), seconds)
    }
    return {
      crlEntries,
      crlBytes,
      crlBuildMs,
      crlDelayMs,
      ocspSignedPerSecond: await answersPerSecond(0),
      ocspCachedPerSecond: await answersPerSecond(VALIDITY_MS),
    }
  } finally {
    await pool.close()
    await store.close()
  }
}

async function countPerSecond(
  requests: readonly Uint8Array[],
  answer: (request: Uint8Array) => Promise<{ readonly der: Uint8Array }>,
  seconds: number,
): Promise<number> {
  const start = performance.now()
  const until = start + seconds * 1_000
  let answered = 0
  let next = 0
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      while (performance.now() < until) {
        const request = requests[next % requests.length]
        next += 1
        if (request === undefined) throw new Error('there is nothing to ask about')
        const { der } = await answer(request)
        // A problem has no body: such an answer costs nothing and counts for nothing.
        if (der.length < 100) throw new Error('the responder answers with a problem')
        answered += 1
        // What is cached is answered within the turn; timers must get theirs.
        if (answered % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
    }),
  )
  return answered / ((performance.now() - start) / 1_000)
}

function requestFor(issuerDer: Uint8Array, serialHex: string, hasNonce: boolean): Uint8Array {
  const { spkiDer, subjectDer } = parseCertificate(issuerDer)
  const bits = parseElement(spkiDer).children[1]?.value.subarray(1) ?? new Uint8Array()
  const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash('sha1').update(bytes).digest())
  const id = encodeSequence(
    encodeSequence(encodeOid(SHA1), encodeNull()),
    encodeOctetString(sha1(subjectDer)),
    encodeOctetString(sha1(bits)),
    encodeInteger(fromHex(serialHex)),
  )
  const list = encodeSequence(encodeSequence(id))
  if (!hasNonce) return encodeSequence(encodeSequence(list))
  const valueDer = encodeOctetString(randomBytes(32))
  const extensions = encodeExtensions([{ oid: OID.ocspNonce, critical: false, valueDer }])
  return encodeSequence(encodeSequence(list, encodeContext(2, extensions)))
}
