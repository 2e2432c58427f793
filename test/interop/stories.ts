import type { ClientName } from './find-clients.ts'
import type { OpenedMessage } from './open-tapped-message.ts'
import type { Row } from './rows.ts'
import type { Stage } from './stage.ts'

/** One thing that one client does against the connector. */
export interface Story extends Row {
  readonly client: ClientName
  /**
   * Plays it and rejects where the claim does not hold.
   *
   * @returns the request as it crossed the wire, where there was one
   */
  play(stage: Stage): Promise<OpenedMessage | undefined>
}
