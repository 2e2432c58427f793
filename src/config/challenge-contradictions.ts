import type { Problem } from './problem.ts'
import type { Element, Sections } from './sections.ts'

type Profile = Sections['profiles'][number]['value']

const LEAST_TOKEN_LENGTH = 32

/** What the settings of challenges, and of the ways to get one, say against others. */
export function checkChallenges({ profiles, listeners }: Sections): readonly Problem[] {
  return [
    ...profiles.flatMap(checkValidity),
    ...profiles.flatMap(checkPage),
    ...checkToken(listeners),
  ]
}

/**
 * A request that comes again after its window is served like a new one, and its challenge must be over by then: the register
 * no longer says that it was used.
 */
function checkValidity({ index, value }: Element<Profile>): Problem[] {
  const { challenge, replayWindowHours } = value
  if (challenge.kind !== 'one-time') return []
  if (challenge.validityMinutes <= replayWindowHours * 60) return []
  return [
    {
      path: `profiles[${index}].challenge.validityMinutes`,
      found: String(challenge.validityMinutes),
      expected: `at most ${replayWindowHours * 60}, the replayWindowHours of the profile`,
      remedy: `lower it, or raise profiles[${index}].replayWindowHours`,
    },
  ]
}

function checkPage({ index, value }: Element<Profile>): Problem[] {
  if (!value.ndes.adminPage) return []
  const path = `profiles[${index}].ndes`
  if (value.challenge.kind === 'intune')
    return [
      {
        path: `${path}.adminPage`,
        found: 'true, with an Intune challenge',
        expected: 'false: Intune makes the challenges of this profile',
        remedy: 'remove the key, or give this profile one-time challenges',
      },
    ]
  if (value.ndes.users !== undefined || value.ndes.usersFile !== undefined) return []
  return [
    {
      path: `${path}.usersFile`,
      found: 'nothing',
      expected: 'the users who may read the page',
      remedy: 'make a line for each with certconnector page-user, and name the file',
    },
  ]
}

function checkToken(listeners: Sections['listeners']): Problem[] {
  const token = listeners?.admin.apiToken
  if (token === undefined || /^[\x21-\x7e]{32,512}$/.test(token.reveal())) return []
  return [
    {
      path: 'listeners.admin.apiToken',
      found: '[secret] that does not do',
      expected: `${LEAST_TOKEN_LENGTH} to 512 printable characters without a space`,
      remedy: 'make one, for example with openssl rand -hex 32',
    },
  ]
}
