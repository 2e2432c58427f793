import type { Row } from '../rows.ts'
import type { ReplayPlace } from './replay-place.ts'

/** One client's way from its first question to a checked certificate, written on the wire as the client writes it. */
export interface ReplayedStory extends Row {
  /** Name of the test: the requirements that it proves, then the claim. */
  readonly proves: string
  /** Plays it; resolves with what crossed the wire, in a line. */
  play(place: ReplayPlace): Promise<string>
}

/**
 * @param proves `REQ-3, REQ-38: a claim in the present tense`
 */
export function replay(
  client: string,
  proves: string,
  play: (place: ReplayPlace) => Promise<string>,
): ReplayedStory {
  return { client: `${client}, replayed`, proves, claim: proves.replace(/^[^:]*: /, ''), play }
}
