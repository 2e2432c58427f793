import { androidStory } from './replayed/android.ts'
import { appleStories } from './replayed/apple.ts'
import { embeddedStories } from './replayed/network-devices.ts'
import type { ReplayedStory } from './replayed/replayed-story.ts'
import { unixStories } from './replayed/unix.ts'
import { windowsStory } from './replayed/windows.ts'

/** Clients that cannot be had here, in the shapes in which they were seen to speak. */
export const replayedStories: readonly ReplayedStory[] = [
  windowsStory,
  ...appleStories,
  androidStory,
  ...embeddedStories,
  ...unixStories,
]
