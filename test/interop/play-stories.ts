import { after, before, describe } from 'node:test'
import { type ClientName, findClients } from './find-clients.ts'
import type { OpenedMessage } from './open-tapped-message.ts'
import { playRow } from './rows.ts'
import { createStage, type Stage } from './stage.ts'
import type { Story } from './stories.ts'

/** Finds the clients of the stories, installs what is missing, and registers every story as a test with a row. */
export async function playStories(title: string, stories: readonly Story[]): Promise<void> {
  const names: ReadonlySet<ClientName> = new Set(stories.map(({ client }) => client))
  const clients = await findClients([...names])
  describe(title, () => {
    let stage: Stage
    before(async () => {
      stage = await createStage()
    })
    after(() => stage.remove())

    for (const story of stories) {
      const { version, packages } = clients.get(story.client) ?? {
        version: undefined,
        packages: [],
      }
      const remedy = `apt-get install ${packages.join(' ')}`
      playRow(story, { version, remedy }, async () => describeWire(await story.play(stage)))
    }
  })
}

function describeWire(wire: OpenedMessage | undefined): string | undefined {
  if (wire === undefined) return undefined
  const { method, digest, signature, cipher, recipients } = wire
  return `${method}, ${digest}, ${signature}, ${cipher}, ${recipients} recipient${recipients === 1 ? '' : 's'}`
}
