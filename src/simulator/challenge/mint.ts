import { randomBytes, randomUUID } from 'node:crypto'
import type { Clock } from '../../kernel/index.ts'
import type { ChallengeContent, ExpectedRequest } from './content.ts'
import { type ChallengeKeys, issueChallengeKeys } from './keys.ts'
import { sealChallenge } from './seal.ts'

/** Ways to make a challenge that is wrong below its content. */
export const challengeDefects = ['encoding', 'signature', 'recipient', 'content', 'signer'] as const

/** What a challenge shall say; what is absent gets a sensible value, or is not checked against the CSR. */
export interface ChallengeOrder {
  readonly expected: ExpectedRequest
  readonly tenantId?: string | undefined
  readonly deviceId?: string | undefined
  readonly userId?: string | undefined
  readonly certificateRequestId?: string | undefined
  readonly profileId?: string | undefined
  /** Default 60, Intune's interval. */
  readonly validMinutes?: number | undefined
  /** Text instead of the right time; null leaves the member out. */
  readonly createdUtc?: string | null | undefined
  readonly expiresUtc?: string | null | undefined
  readonly requiresRegisteredKey?: boolean | undefined
  readonly defect?: (typeof challengeDefects)[number] | undefined
}

/** A challenge for one device and one certificate request. */
export interface MintedChallenge {
  /** A bearer secret until it expires. */
  readonly challenge: string
  readonly expires: string
  readonly certificateRequestId: string
  readonly deviceId: string
  readonly userId: string
  readonly profileId: string
}

/** Mints challenges as Intune does for a device that got a SCEP profile. */
export class ChallengeMint {
  readonly #keys: ChallengeKeys
  readonly #tenantId: string
  readonly #clock: Clock
  #strangers: Promise<ChallengeKeys> | undefined

  constructor(keys: ChallengeKeys, tenantId: string, clock: Clock) {
    this.#keys = keys
    this.#tenantId = tenantId
    this.#clock = clock
  }

  /** Seals one challenge. */
  async issue(order: ChallengeOrder): Promise<MintedChallenge> {
    const now = this.#clock.now()
    const content = this.#contentOf(order, now)
    const { certificateRequestId, deviceId, userId, profileId } = content
    return {
      challenge: await this.#seal(content, order.defect, now),
      expires: expiryOf(now, order).toISOString(),
      certificateRequestId,
      deviceId,
      userId,
      profileId,
    }
  }

  #contentOf(order: ChallengeOrder, now: Date): ChallengeContent {
    const created = order.createdUtc === undefined ? now.toISOString() : order.createdUtc
    const expires =
      order.expiresUtc === undefined ? expiryOf(now, order).toISOString() : order.expiresUtc
    return {
      v: 1,
      tenantId: order.tenantId ?? this.#tenantId,
      deviceId: order.deviceId ?? randomUUID(),
      userId: order.userId ?? randomUUID(),
      certificateRequestId: order.certificateRequestId ?? randomUUID(),
      ...(created === null ? {} : { createdUtc: created }),
      ...(expires === null ? {} : { expiresUtc: expires }),
      intervalMinutes: order.validMinutes ?? defaultValidMinutes,
      nonce: randomBytes(16).toString('base64'),
      profileId: order.profileId ?? 'default',
      requiresRegisteredKey: order.requiresRegisteredKey ?? false,
      expected: order.expected,
    }
  }

  async #seal(
    content: ChallengeContent,
    defect: ChallengeOrder['defect'],
    now: Date,
  ): Promise<string> {
    if (defect === 'encoding') return 'abc'
    const recipient = defect === 'recipient' ? (await this.#getStrangers()).recipient : undefined
    const signer = defect === 'signer' ? (await this.#getStrangers()).signer : undefined
    const json = JSON.stringify(defect === 'content' ? { challenge: content } : content)
    const sealed = sealChallenge(
      Buffer.from(json, 'utf8'),
      recipient ?? this.#keys.recipient,
      signer ?? this.#keys.signer,
      now,
    )
    return defect === 'signature' ? flipLastOctet(sealed) : sealed
  }

  /** Keys of a service that this one does not know, made when they are first needed. */
  #getStrangers(): Promise<ChallengeKeys> {
    this.#strangers ??= issueChallengeKeys('Other service', this.#clock.now())
    return this.#strangers
  }
}

const defaultValidMinutes = 60

function expiryOf(now: Date, { validMinutes = defaultValidMinutes }: ChallengeOrder): Date {
  return new Date(now.getTime() + validMinutes * 60_000)
}

/** The signature stands last in the encoding, so this damages it and nothing else. */
function flipLastOctet(base64: string): string {
  const octets = Buffer.from(base64, 'base64')
  octets[octets.length - 1] = (octets.at(-1) ?? 0) ^ 0x01
  return octets.toString('base64')
}
