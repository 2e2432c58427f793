import { createChallenge, parseCaCertificates } from '../../src/cli/enrolment-client/index.ts'
import type { RandomSource } from '../property/scep/random-source.ts'
import {
  createRsaKeys,
  type PrebuiltRequest,
  prebuildRequests,
} from '../support/scep-messages/index.ts'
import { PROFILES, type ProfileName, STATIC_CHALLENGE } from './crash-site.ts'

/** One request of one device, and everything that it was ever answered. */
export interface Order {
  readonly request: PrebuiltRequest
  readonly profile: ProfileName
  /** How often its octets were sent. */
  sent: number
  /** The certificate of each CertRep SUCCESS, in the order of arrival. */
  readonly certificates: Uint8Array[]
  /** What each CertRep FAILURE said. */
  readonly refusals: string[]
}

/** All requests of a run. */
export interface OrderBook {
  /** RA certificates that may sign replies. */
  readonly raCertificatesDer: readonly Uint8Array[]
  /** Builds requests until so many wait to be sent. */
  fill(waiting: number): Promise<void>
  /** The next one that was never sent; undefined when none is left. */
  takeNew(): Order | undefined
  /** One that was answered before; undefined when there is none yet. */
  pickAnswered(random: RandomSource): Order | undefined
  recordAnswered(order: Order): void
  /** All that were ever given out. */
  readonly taken: readonly Order[]
}

const DEVICE_KEYS = 4

/** Of ten requests: profiles in the order of their share. */
const SHARES: readonly ProfileName[] = [
  'default',
  'static',
  'default',
  'strict',
  'default',
  'default',
  'static',
  'default',
  'strict',
  'default',
]

/** Asks the connector, which must be ready, for its RA certificate, and opens an empty book. The RA must outlive the run. */
export async function openOrderBook(deviceUrl: string, controlUrl: string): Promise<OrderBook> {
  const answer = await fetch(`${deviceUrl}/scep/${PROFILES[0]}?operation=GetCACert`)
  const { recipient, signers } = parseCaCertificates(
    new Uint8Array(await answer.arrayBuffer()),
    answer.headers.get('content-type') ?? '',
    undefined,
    new Date(),
  )
  const keys = Array.from({ length: DEVICE_KEYS }, () => createRsaKeys(2048))
  const waiting: Order[] = []
  const taken: Order[] = []
  const answered: Order[] = []
  let batch = 0

  return {
    raCertificatesDer: signers.map(({ der }) => der),
    taken,
    async fill(target) {
      const count = target - waiting.length
      if (count <= 0) return
      batch += 1
      const profiles = Array.from(
        { length: count },
        (_, index) => SHARES[index % SHARES.length] ?? 'default',
      )
      const challenges = await Promise.all(
        profiles.map(async (profile) =>
          profile === 'static'
            ? STATIC_CHALLENGE
            : (await createChallenge(controlUrl, {})).challenge.reveal(),
        ),
      )
      const requests = prebuildRequests(count, {
        recipientCertificateDer: recipient.der,
        challenge: (index) => challenges[index] ?? '',
        keys,
        prefix: `crash-${batch}`,
      })
      for (const [index, request] of requests.entries())
        waiting.push({
          request,
          profile: profiles[index] ?? 'default',
          sent: 0,
          certificates: [],
          refusals: [],
        })
    },
    takeNew() {
      const order = waiting.shift()
      if (order !== undefined) taken.push(order)
      return order
    },
    pickAnswered: (random) => (answered.length === 0 ? undefined : random.pick(answered)),
    recordAnswered: (order) => {
      answered.push(order)
    },
  }
}
