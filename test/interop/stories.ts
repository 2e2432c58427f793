import type { ClientName } from './find-clients.ts'
import type { OpenedMessage } from './open-tapped-message.ts'
import type { Stage } from './stage.ts'

/** One thing that one client does against the connector. */
export interface Story {
  readonly client: ClientName
  /** A claim in the present tense; goes into docs/interop.md. */
  readonly claim: string
  /**
   * Plays it and rejects where the claim does not hold.
   *
   * @returns the request as it crossed the wire, where there was one
   */
  play(stage: Stage): Promise<OpenedMessage | undefined>
}

/** How a story ended. */
export interface StoryEnd {
  readonly story: Story
  readonly version: string | undefined
  readonly result: 'passed' | 'failed' | 'skipped'
  readonly wire: OpenedMessage | undefined
}
