import type { Clock } from '../../kernel/index.ts'
import { type CrlContent, issueCrl } from './crl.ts'
import { FULL_CRL, nameDelta, nameShard, urlOfPart } from './crl-parts.ts'
import type {
  CrlShelf,
  DeltaBase,
  IssuedRegister,
  Publication,
  RevokedEntry,
  SignedCrl,
} from './registers.ts'
import type { CertificateSigner } from './signer.ts'

const HOUR_MS = 3_600_000

/** What is published, and how long it is good. */
export interface CrlRules {
  /** From thisUpdate to nextUpdate. Default 168: clients may keep a CRL that long. */
  readonly validityHours?: number
  /** New certificates name one of so many shards; 1 or left out: the full CRL. Those published once are never given up. */
  readonly shards?: number
  /** Undefined: no delta CRLs. */
  readonly delta?:
    | {
        /** How long clients may keep a delta. */
        readonly validityHours: number
        /** The age at which a complete CRL takes the place of the one that deltas add to. */
        readonly baseHours: number
      }
    | undefined
}

export interface CrlPublisherOptions {
  readonly caId: string
  readonly issuerDer: Uint8Array
  readonly signer: Pick<CertificateSigner, 'sign'>
  readonly certificates: Pick<IssuedRegister, 'listRevoked' | 'listChanged'>
  readonly crls: CrlShelf
  readonly clock: Clock
  /** Address of the full CRL. Undefined: no certificate names one, and there are neither shards nor deltas. */
  readonly crlUrl?: string | undefined
  readonly rules?: CrlRules
}

/** Publishes the CRLs of one embedded CA. */
export interface CrlPublisher {
  /**
   * Signs and keeps a new full CRL, with its shards and deltas. What was marked revoked before the call is in it.
   *
   * Calls that arrive while one is at work share the next one, so that a hundred revocations make two publications. Safe
   * in several instances at once: of two publications the one with the higher number lists at least as much.
   *
   * @throws ConnectorError `store/unavailable`, `worker/overloaded` and others of its ports: transient
   */
  publish(): Promise<Publication>
}

/** @see CrlPublisher */
export function createCrlPublisher(options: CrlPublisherOptions): CrlPublisher {
  let running: Promise<Publication> | undefined
  let waiting: Promise<Publication> | undefined

  function start(): Promise<Publication> {
    running = publishOnce(options).finally(() => {
      running = undefined
    })
    return running
  }

  return {
    publish() {
      if (!running) return start()
      // The one at work may have read its list already.
      waiting ??= running
        .catch(() => undefined)
        .then(() => {
          waiting = undefined
          return start()
        })
      return waiting
    },
  }
}

async function publishOnce(options: CrlPublisherOptions): Promise<Publication> {
  const { caId, certificates, clock, crls, crlUrl, rules = {} } = options
  const delta = crlUrl === undefined ? undefined : rules.delta
  const validityMs = (rules.validityHours ?? 168) * HOUR_MS
  const { published } = await crls.status(caId)
  // The number first, then the list: whoever has a later number has read a later list.
  const number = await crls.takeNumber(caId)
  const thisUpdate = clock.now()
  const nextUpdate = new Date(thisUpdate.getTime() + validityMs)
  // An expired certificate stays until a CRL published after its end was due (RFC 5280, section 3.3).
  const asOf = new Date(thisUpdate.getTime() - validityMs)
  const revoked = await certificates.listRevoked(caId, asOf)
  const own: DeltaBase = { number, thisUpdate }
  const addsTo = published?.base ?? own
  const changed = delta ? await certificates.listChanged(caId, addsTo.number, asOf) : []
  const shards = crlUrl === undefined ? 0 : countShards(rules.shards, published?.shards, revoked)

  const sign = async (content: Omit<CrlContent, 'number' | 'thisUpdate'>): Promise<SignedCrl> => ({
    der: await issueCrl({ ...content, number, thisUpdate }, options.issuerDer, (tbs) =>
      options.signer.sign(caId, tbs),
    ),
    thisUpdate,
    nextUpdate: content.nextUpdate,
  })
  const parts = new Map<string, SignedCrl>()
  /** Signs a part, and the delta that adds to it. */
  async function signPart(
    part: string,
    listed: readonly RevokedEntry[],
    news: readonly RevokedEntry[],
  ): Promise<SignedCrl> {
    const deltaName = nameDelta(part)
    const distributionPointUrl = crlUrl && part !== FULL_CRL ? urlOfPart(crlUrl, part) : undefined
    const freshestUrl = crlUrl && delta ? urlOfPart(crlUrl, deltaName) : undefined
    if (delta) {
      const until = new Date(thisUpdate.getTime() + delta.validityHours * HOUR_MS)
      const what = { nextUpdate: until, revoked: news, baseNumber: addsTo.number }
      parts.set(deltaName, await sign({ ...what, distributionPointUrl }))
    }
    return await sign({ nextUpdate, revoked: listed, distributionPointUrl, freshestUrl })
  }

  const full = await signPart(FULL_CRL, revoked, changed)
  const [listedIn, newsIn] = [groupByShard(revoked, shards), groupByShard(changed, shards)]
  for (let shard = 0; shard < shards; shard += 1) {
    const part = nameShard(shard)
    parts.set(part, await signPart(part, listedIn[shard] ?? [], newsIn[shard] ?? []))
  }
  const baseAgeMs = thisUpdate.getTime() - addsTo.thisUpdate.getTime()
  // One of a time that has not come was made before the clock was set back.
  const isGood = delta && baseAgeMs >= 0 && baseAgeMs < delta.baseHours * HOUR_MS
  const base = delta && (isGood ? addsTo : own)
  const publication = { ...full, number, shards, base, parts }
  await crls.publish(caId, publication)
  return publication
}

function groupByShard(entries: readonly RevokedEntry[], shards: number): RevokedEntry[][] {
  const groups: RevokedEntry[][] = Array.from({ length: shards }, () => [])
  for (const entry of entries) {
    if (entry.shard === 'every') for (const group of groups) group.push(entry)
    else if (entry.shard !== undefined) groups[entry.shard]?.push(entry)
  }
  return groups
}

/** As many as new certificates are spread over, or old ones were: a certificate names its shard for all its life. */
function countShards(configured = 1, published = 0, revoked: readonly RevokedEntry[] = []): number {
  const named = revoked.reduce(
    (most, { shard }) => (typeof shard === 'number' && shard >= most ? shard + 1 : most),
    0,
  )
  return Math.max(configured < 2 ? 0 : configured, published, named)
}
