import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { certmongerStories } from './certmonger.ts'
import { findClients } from './find-clients.ts'
import { opensslAndCurlStories } from './openssl-and-curl.ts'
import { formatDocument, formatTable } from './report.ts'
import { scepclientStories } from './scepclient.ts'
import { createStage, type Stage } from './stage.ts'
import type { Story, StoryEnd } from './stories.ts'
import { strongswanStories } from './strongswan.ts'

const stories: readonly Story[] = [
  ...strongswanStories,
  ...scepclientStories,
  ...certmongerStories,
  ...opensslAndCurlStories,
]
const clients = await findClients()
const isCi = (process.env['CI'] ?? '') !== ''
const ends: StoryEnd[] = []

describe('real clients enrol over the wire', () => {
  let stage: Stage
  before(async () => {
    stage = await createStage()
  })
  after(async () => {
    await stage.remove()
    console.log(`\n${formatTable(ends)}\n`)
    if (ends.every(({ result }) => result === 'passed'))
      writeFileSync(join(import.meta.dirname, '../../docs/interop.md'), formatDocument(ends))
    else console.log('docs/interop.md stays as it is: not every story passed')
  })

  for (const story of stories) {
    const { version, packages } = clients[story.client]
    const missing = `${story.client} is missing: apt-get install ${packages.join(' ')}`
    test(`${story.client}: ${story.claim}`, { timeout: 120_000 }, async (context) => {
      if (version === undefined && !isCi) {
        ends.push({ story, version, result: 'skipped', wire: undefined })
        context.skip(missing)
        return
      }
      try {
        assert.ok(version !== undefined, missing)
        const wire = await story.play(stage)
        ends.push({ story, version, result: 'passed', wire })
      } catch (error) {
        ends.push({ story, version, result: 'failed', wire: undefined })
        throw error
      }
    })
  }
})
