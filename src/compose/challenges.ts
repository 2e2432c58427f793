import { randomBytes } from 'node:crypto'
import type { Configuration } from '../config/index.ts'
import type { EnrolmentProfile } from '../connector/index.ts'
import type { MscepAdminPage } from '../http/index.ts'
import { type Clock, ConnectorError } from '../kernel/index.ts'
import {
  createOneTimeChallenges,
  type OneTimeChallenges,
  type PageUsers,
  parsePageUsers,
} from '../management/index.ts'
import type { Store } from '../store/index.ts'

/** One-time challenges that the API and commands may have unused at a time, in one profile. */
const MAX_UNUSED = 10_000

/** By profile, where challenges are one-time. */
export type ProfileChallenges = ReadonlyMap<string, OneTimeChallenges>

/** What makes and judges one-time challenges. Everybody with the same data key and store makes the same of it. */
export function composeChallenges(
  { profiles }: Pick<Configuration, 'profiles'>,
  store: Pick<Store, 'challenges'>,
  dataKey: Uint8Array,
  clock: Clock,
): ProfileChallenges {
  return new Map(
    profiles.flatMap(({ name, challenge }): [string, OneTimeChallenges][] => {
      if (challenge.kind !== 'one-time') return []
      const made = createOneTimeChallenges({
        profile: name,
        dataKey,
        memory: store.challenges,
        clock,
        randomBytes,
        validityMinutes: challenge.validityMinutes,
        length: challenge.length,
        maxUnused: { page: challenge.passwordMax, api: MAX_UNUSED },
      })
      return [[name, made]]
    }),
  )
}

/**
 * The pages `mscep_admin` of the profiles that have one.
 *
 * @throws ConnectorError `config/invalid` the users of one cannot be read
 */
export function composeMscepAdminPages(
  configuration: Pick<Configuration, 'profiles'>,
  profiles: ReadonlyMap<string, EnrolmentProfile>,
  challenges: ProfileChallenges,
): ReadonlyMap<string, MscepAdminPage> {
  return new Map(
    configuration.profiles.flatMap((settings): [string, MscepAdminPage][] => {
      const profile = profiles.get(settings.name)
      if (!settings.ndes.adminPage || profile === undefined) return []
      const users = loadPageUsers(settings)
      return [
        [
          settings.name,
          {
            charset: settings.ndes.pageCharset,
            authenticate: (name, password) => users.authenticate(name, password),
            issue: issuerOf(settings, challenges),
            caCertificate: async () => {
              const [issuingDer] = await profile.issuers.backendFor(undefined).chain()
              if (issuingDer !== undefined) return issuingDer
              throw new ConnectorError('internal/bug', `the CA of ${settings.name} has no chain`)
            },
          },
        ],
      ]
    }),
  )
}

type ProfileSettings = Configuration['profiles'][number]

/**
 * The users of the page `mscep_admin` of a profile.
 *
 * @throws ConnectorError `config/invalid` there are none, or a line is not as `certconnector page-user` prints it
 */
export function loadPageUsers({ name, ndes }: ProfileSettings): PageUsers {
  if (ndes.users === undefined)
    throw new ConnectorError('config/invalid', `profile ${name}: ndes.adminPage has no usersFile`)
  return parsePageUsers(ndes.users, ndes.allowedUsers, `profile ${name}: ndes.usersFile`)
}

function issuerOf(
  { name, challenge }: ProfileSettings,
  challenges: ProfileChallenges,
): MscepAdminPage['issue'] {
  if (challenge.kind === 'one-time') {
    const { validityMinutes } = challenge
    return async () => {
      const made = await challenges.get(name)?.issue('page')
      return made === undefined || made === 'full'
        ? 'full'
        : { challenge: made.challenge, validMinutes: validityMinutes }
    }
  }
  const secret = challenge.kind === 'static' ? challenge.secret : undefined
  if (secret === undefined)
    throw new ConnectorError(
      'config/invalid',
      `profile ${name}: ndes.adminPage needs one-time challenges or a static one`,
    )
  return async () => ({ challenge: secret, validMinutes: undefined })
}
