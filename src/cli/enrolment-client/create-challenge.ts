import { ConnectorError, Secret } from '../../kernel/index.ts'
import type { HttpFetch } from './types.ts'

/** What a challenge binds the CSR to; only members that are given are checked later. Names as in the control API. */
export interface ChallengeTerms {
  readonly subject?: string
  readonly sans?: readonly { readonly type: string; readonly value: string }[]
  readonly ekus?: readonly string[]
  readonly keyUsage?: readonly string[]
  readonly keyLength?: number
  readonly deviceId?: string
  readonly userId?: string
  readonly tenantId?: string
  readonly validMinutes?: number
}

/** A challenge as Intune would put it into a device's SCEP profile. */
export interface Challenge {
  readonly challenge: Secret
  readonly expires: Date
  readonly certificateRequestId: string
}

const TIMEOUT_MS = 10_000

/**
 * Asks the simulator's control API for a challenge (POST /control/challenges).
 *
 * @param controlUrl base, as `http://127.0.0.1:8090`
 * @throws ConnectorError `scep/unavailable` no answer, or not the one that the simulator gives
 */
export async function createChallenge(
  controlUrl: string,
  terms: ChallengeTerms,
  fetch: HttpFetch = globalThis.fetch,
): Promise<Challenge> {
  const url = new URL('/control/challenges', controlUrl).href
  const body = Uint8Array.from(Buffer.from(JSON.stringify(terms)))
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: 'error',
    })
    const text = Buffer.from(await answer.arrayBuffer()).toString('utf8')
    if (answer.status !== 201) throw new Error(`HTTP ${answer.status}: ${text.slice(0, 200)}`)
    return readChallenge(JSON.parse(text))
  } catch (cause) {
    throw new ConnectorError(
      'scep/unavailable',
      `no challenge from ${url}; is the simulator running (certconnector serve without a configuration, or simulate)?`,
      { cause, isTransient: true },
    )
  }
}

function readChallenge(answer: unknown): Challenge {
  if (typeof answer === 'object' && answer !== null) {
    const { challenge, expires, certificateRequestId } = answer as Record<string, unknown>
    const date = new Date(
      typeof expires === 'string' || typeof expires === 'number' ? expires : Number.NaN,
    )
    if (typeof challenge === 'string' && !Number.isNaN(date.getTime())) {
      const id = typeof certificateRequestId === 'string' ? certificateRequestId : ''
      return { challenge: new Secret(challenge), expires: date, certificateRequestId: id }
    }
  }
  throw new Error('the answer has no challenge and expiry')
}
