import { after, before, suite, test } from 'node:test'
import { openReplayPlace, type ReplayPlace } from '../interop/replayed/replay-place.ts'
import { replayedStories } from '../interop/replayed-clients.ts'

suite('clients enrol over raw sockets as they were seen to speak', () => {
  let place: ReplayPlace
  before(async () => {
    place = await openReplayPlace()
  })
  after(() => place.running.remove())

  for (const story of replayedStories)
    test(`${story.proves} (${story.client})`, async () => {
      await story.play(place)
    })
})
