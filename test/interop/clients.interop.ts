import { after, before, describe } from 'node:test'
import { certmongerStories } from './certmonger.ts'
import { findClients } from './find-clients.ts'
import type { OpenedMessage } from './open-tapped-message.ts'
import { opensslAndCurlStories } from './openssl-and-curl.ts'
import { playRow } from './rows.ts'
import { scepclientStories } from './scepclient.ts'
import { createStage, type Stage } from './stage.ts'
import type { Story } from './stories.ts'
import { strongswanStories } from './strongswan.ts'

const stories: readonly Story[] = [
  ...strongswanStories,
  ...scepclientStories,
  ...certmongerStories,
  ...opensslAndCurlStories,
]
const clients = await findClients()

describe('real clients enrol over the wire', () => {
  let stage: Stage
  before(async () => {
    stage = await createStage()
  })
  after(() => stage.remove())

  for (const story of stories) {
    const { version, packages } = clients[story.client]
    const remedy = `apt-get install ${packages.join(' ')}`
    playRow(story, { version, remedy }, async () => describeWire(await story.play(stage)))
  }
})

function describeWire(wire: OpenedMessage | undefined): string {
  if (wire === undefined) return ''
  const { method, digest, signature, cipher, recipients } = wire
  return `${method}, ${digest}, ${signature}, ${cipher}, ${recipients} recipient${recipients === 1 ? '' : 's'}`
}
