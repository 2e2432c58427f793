import { type CaBackend, caIdOf, findCurrent } from '../ca/index.ts'
import type { Clock } from '../kernel/index.ts'
import type { CaBackends, ComposedAuthorities } from './authorities.ts'

/** Looks whether the generation of a CA that issues now can work. */
export type CaHealthCheck = CaBackend['health']

/** One check for each CA of the configuration, which follows it over a hand-over. */
export function createCaHealth(
  authorities: ComposedAuthorities,
  cas: CaBackends,
  clock: Clock,
): ReadonlyMap<string, CaHealthCheck> {
  return new Map(
    [...authorities].map(([id, composed]) => [
      id,
      async (signal) => {
        const checkedAt = clock.now()
        const { number } = findCurrent(composed.authority.generations, checkedAt)
        const ca = cas.get(caIdOf(id, number))
        if (ca !== undefined) return await ca.health(signal)
        const detail = 'its backend is missing'
        return { status: 'down', cause: 'config', detail, checkedAt, expiring: [] }
      },
    ]),
  )
}
