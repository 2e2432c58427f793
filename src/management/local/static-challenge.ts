import { createHmac, createSecretKey, randomBytes } from 'node:crypto'
import { ConnectorError, equalBytes, type Secret } from '../../kernel/index.ts'
import type { ScepValidator, Verdict } from '../ports.ts'

/**
 * Accepts requests that carry one fixed challenge. Nothing but its possession is checked.
 *
 * Both texts are hashed under a key of this process and the hashes compared in constant time, also when the challenge
 * is missing: the answer takes the same time and tells nothing of length or place of a difference.
 *
 * @param secret not empty, or every request would be welcome
 * @throws ConnectorError `config/invalid` the secret is empty
 * @see REQ-138, REQ-139
 */
export function createStaticChallenge(secret: Secret): ScepValidator {
  if (secret.length === 0) {
    throw new ConnectorError('config/invalid', 'the static challenge is empty: give one')
  }
  const key = createSecretKey(randomBytes(32))
  const hash = (text: string): Uint8Array => createHmac('sha256', key).update(text, 'utf8').digest()
  const expected = hash(secret.reveal())
  return {
    validate({ challenge }) {
      const isEqual = equalBytes(hash(challenge ?? ''), expected)
      return Promise.resolve(verdictOf(challenge, isEqual))
    },
  }
}

function verdictOf(challenge: string | undefined, isEqual: boolean): Verdict {
  if (challenge === undefined || challenge === '') {
    const reason = 'the request has no challenge'
    return { kind: 'refused', code: 'ChallengePasswordMissing', reason }
  }
  if (isEqual) return { kind: 'accepted' }
  const reason = 'the challenge is not the one of this profile'
  return { kind: 'refused', code: 'ChallengeMismatch', reason }
}
