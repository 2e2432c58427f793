import { Secret } from '../kernel/index.ts'
import type { ScepRules } from '../scep/index.ts'

/** Rules on their way through the thread boundary, which a `Secret` does not survive. Memory only, never logged. */
export interface CrossingRules {
  readonly plain: Omit<ScepRules, 'recipientPassword'>
  readonly password?: string
}

/** The rules of a profile are one object for all of its messages. */
const encoded = new WeakMap<ScepRules, CrossingRules>()

/** For the way to a thread. */
export function encodeRules(rules: ScepRules): CrossingRules {
  const known = encoded.get(rules)
  if (known !== undefined) return known
  const { recipientPassword, ...plain } = rules
  const crossing =
    recipientPassword === undefined ? { plain } : { plain, password: recipientPassword.reveal() }
  encoded.set(rules, crossing)
  return crossing
}

/** In the thread. */
export function decodeRules({ plain, password }: CrossingRules): ScepRules {
  return password === undefined ? plain : { ...plain, recipientPassword: new Secret(password) }
}
