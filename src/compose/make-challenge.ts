import { join } from 'node:path'
import type { Configuration } from '../config/index.ts'
import { ConnectorError, systemClock } from '../kernel/index.ts'
import { loadPassphrase } from '../keys/index.ts'
import type { IssuedChallenge } from '../management/index.ts'
import { loadDataKey, type Store } from '../store/index.ts'
import { composeChallenges } from './challenges.ts'

/**
 * Makes a one-time challenge of a profile, also beside a connector that runs.
 *
 * @param store open; stays open
 * @throws ConnectorError `config/invalid` the profile has none; `key/unreadable`; `store/unavailable`, also when too many
 *   are unused
 */
export async function makeChallenge(
  configuration: Configuration,
  profile: string,
  store: Pick<Store, 'challenges'>,
): Promise<IssuedChallenge> {
  if (
    !configuration.profiles.some(
      ({ name, challenge }) => name === profile && challenge.kind === 'one-time',
    )
  )
    throw new ConnectorError(
      'config/invalid',
      `there is no profile ${profile} with challenge.kind one-time in this configuration`,
    )
  const passphrase = await loadPassphrase(configuration.passphraseFile)
  const dataKey = loadDataKey(join(configuration.dataDir, 'data.key'), passphrase)
  const challenges = composeChallenges(configuration, store, dataKey, systemClock)
  const made = await challenges.get(profile)?.issue('api')
  if (made !== undefined && made !== 'full') return made
  throw new ConnectorError(
    'store/unavailable',
    'too many challenges of this profile are unused; wait until some expire',
  )
}
