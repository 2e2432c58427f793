import { createHmac, createSecretKey } from 'node:crypto'
import { type Clock, Secret } from '../../kernel/index.ts'
import type { ScepValidator, Verdict } from '../ports.ts'

const MINUTE_MS = 60_000

/**
 * A request that was given a challenge and came to nothing, without anybody there to say so (a crash, a store that was
 * away), keeps others from it for so long. Longer than any request is worked on without being on record.
 */
const STALE_MS = 10 * MINUTE_MS

/** How often a challenge that exists already is drawn anew; with 64 bits that never happens. */
const DRAWS = 3

/** Where hashes of challenges are kept; the store has it. */
export interface OneTimeChallengeMemory {
  keep(
    challenge: {
      readonly hashHex: string
      readonly profile: string
      readonly origin: 'page' | 'api'
      readonly createdAt: Date
      readonly expiresAt: Date
    },
    maxUnused: number,
  ): Promise<boolean>
  find(
    hashHex: string,
  ): Promise<{ readonly expiresAt: Date; readonly boundKey: string | undefined } | undefined>
  bind(hashHex: string, requestKey: string, now: Date, staleBefore: Date): Promise<boolean>
  isBound(requestKey: string): Promise<boolean>
  release(requestKey: string): Promise<void>
}

export interface OneTimeChallengeOptions {
  readonly profile: string
  /** The data key, 32 octets; hashes are made under a key derived from it. Instances that share a store share it. */
  readonly dataKey: Uint8Array
  readonly memory: OneTimeChallengeMemory
  readonly clock: Clock
  readonly randomBytes: (length: number) => Uint8Array
  readonly validityMinutes: number
  /** Hexadecimal digits of a challenge; even. */
  readonly length: number
  /** How many may be unused at a time, by who asked for them. */
  readonly maxUnused: { readonly page: number; readonly api: number }
}

/** A challenge that was made. This is the only moment at which it exists in clear text here. */
export interface IssuedChallenge {
  readonly challenge: Secret
  readonly expiresAt: Date
}

/** Makes challenges that are good once, and judges them. */
export interface OneTimeChallenges {
  readonly validator: ScepValidator
  /**
   * Makes one: upper-case hexadecimal digits, which every client can send (REQ-157, REQ-159). `full`: as many are unused as
   * may be.
   *
   * @throws ConnectorError `store/unavailable` none was made
   */
  issue(origin: 'page' | 'api'): Promise<IssuedChallenge | 'full'>
}

/**
 * One-time challenges of one profile. The store holds HMAC-SHA-256 values only: whoever reads it can neither use nor guess
 * a challenge, and looking one up by its hash tells nothing of it by time.
 *
 * The first request that presents a challenge is bound to it and may come again; its issuance consumes it, and what it is
 * refused for later frees it. Nobody else is served meanwhile.
 *
 * @see REQ-138, REQ-139, REQ-157 to 159; docs/enrolment.md
 */
export function createOneTimeChallenges(options: OneTimeChallengeOptions): OneTimeChallenges {
  const { profile, memory, clock } = options
  const key = createSecretKey(
    createHmac('sha256', options.dataKey).update('one-time challenges').digest(),
  )
  const hash = (challenge: string): string =>
    createHmac('sha256', key).update(`${profile}\0`).update(challenge, 'utf8').digest('hex')

  return {
    async issue(origin) {
      for (let draw = 0; draw < DRAWS; draw += 1) {
        const text = Buffer.from(options.randomBytes(options.length / 2)).toString('hex')
        const challenge = new Secret(text.toUpperCase())
        const createdAt = clock.now()
        const expiresAt = new Date(createdAt.getTime() + options.validityMinutes * MINUTE_MS)
        const hashHex = hash(challenge.reveal())
        const isKept = await memory.keep(
          { hashHex, profile, origin, createdAt, expiresAt },
          options.maxUnused[origin],
        )
        if (isKept) return { challenge, expiresAt }
        if ((await memory.find(hashHex)) === undefined) return 'full'
      }
      return 'full'
    },

    validator: {
      async validate({ challenge, requestKey }) {
        // Looked up also when it is missing, and written only when it is known: a flood of guesses costs reads.
        const hashHex = hash(challenge ?? '')
        const found = await memory.find(hashHex)
        const now = clock.now()
        if (challenge === undefined || challenge === '') return refusals.missing
        if (found === undefined) return refusals.unknown
        const staleBefore = new Date(now.getTime() - STALE_MS)
        if (await memory.bind(hashHex, requestKey, now, staleBefore)) return { kind: 'accepted' }
        return found.expiresAt <= now ? refusals.expired : refusals.taken
      },
      bindings: {
        isBound: (requestKey) => memory.isBound(requestKey),
        release: (requestKey) => memory.release(requestKey),
      },
    },
  }
}

const refusals = {
  missing: {
    kind: 'refused',
    code: 'ChallengePasswordMissing',
    reason: 'the request has no challenge',
  },
  unknown: {
    kind: 'refused',
    code: 'ChallengeMismatch',
    reason: 'the challenge is none that this profile gave out',
  },
  expired: { kind: 'refused', code: 'ChallengeExpired', reason: 'the challenge has expired' },
  taken: {
    kind: 'refused',
    code: 'ChallengeAlreadyUsed',
    reason: 'another request has used the challenge, or is about to',
  },
} as const satisfies Record<string, Verdict>
