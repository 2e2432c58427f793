import { after, before, describe } from 'node:test'
import { openReplayPlace, type ReplayPlace } from './replayed/replay-place.ts'
import { replayedStories } from './replayed-clients.ts'
import { playRow } from './rows.ts'

describe('clients that cannot be had are replayed as they were seen to speak', () => {
  let place: ReplayPlace
  before(async () => {
    place = await openReplayPlace()
  })
  after(() => place.running.remove())

  for (const story of replayedStories)
    playRow(story, { version: '–', remedy: '' }, async () => await story.play(place))
})
