import { Secret } from '../kernel/index.ts'
import type { ScepRules } from '../scep/index.ts'

/** Rules on their way through the thread boundary, which a `Secret` does not survive. Memory only, never logged. */
export interface CrossingRules {
  readonly rules: Omit<ScepRules, 'recipientPassword'>
  readonly password?: string
}

/** For the way to a thread. */
export function encodeRules(rules: ScepRules): CrossingRules {
  if (rules.recipientPassword === undefined) return { rules }
  const { recipientPassword, ...plain } = rules
  return { rules: plain, password: recipientPassword.reveal() }
}

/** In the thread. */
export function decodeRules({ rules, password }: CrossingRules): ScepRules {
  return password === undefined ? rules : { ...rules, recipientPassword: new Secret(password) }
}
