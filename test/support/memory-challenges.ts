import type { OneTimeChallengeRecord, OneTimeChallenges } from '../../src/store/index.ts'

/**
 * One-time challenges in a Map.
 *
 * @param isAlive whether a request has a certificate or an intent, or waits
 */
export function createMemoryChallenges(
  gate: { write(method: string): void; read(method: string): void },
  rows: Map<string, OneTimeChallengeRecord>,
  isAlive: (requestKey: string) => boolean,
): OneTimeChallenges {
  const boundTo = (requestKey: string) =>
    [...rows.values()].filter(({ boundKey }) => boundKey === requestKey)
  return {
    async keep(challenge, maxUnused) {
      gate.write('challenges.keep')
      const unused = [...rows.values()].filter(
        ({ profile, origin, boundKey, expiresAt }) =>
          profile === challenge.profile &&
          origin === challenge.origin &&
          boundKey === undefined &&
          expiresAt > challenge.createdAt,
      )
      if (rows.has(challenge.hashHex) || unused.length >= maxUnused) return false
      rows.set(challenge.hashHex, { ...challenge, boundKey: undefined, boundAt: undefined })
      return true
    },
    async find(hashHex) {
      gate.read('challenges.find')
      return structuredClone(rows.get(hashHex))
    },
    async bind(hashHex, requestKey, now, staleBefore) {
      gate.write('challenges.bind')
      const row = rows.get(hashHex)
      if (row === undefined || row.expiresAt <= now) return false
      const { boundKey, boundAt } = row
      const isTaken = boundKey !== undefined && boundKey !== requestKey
      const isStale = boundAt !== undefined && boundAt <= staleBefore
      if (isTaken && !(isStale && !isAlive(boundKey))) return false
      rows.set(hashHex, { ...row, boundKey: requestKey, boundAt: now })
      return true
    },
    async isBound(requestKey) {
      gate.read('challenges.isBound')
      return boundTo(requestKey).length > 0
    },
    async release(requestKey) {
      gate.write('challenges.release')
      if (isAlive(requestKey)) return
      for (const row of boundTo(requestKey))
        rows.set(row.hashHex, { ...row, boundKey: undefined, boundAt: undefined })
    },
  }
}
