import { createImportStory } from './import-story.ts'
import { createPkcsStory } from './pkcs-story.ts'
import type { QueueStory } from './queue-story.ts'
import { createRecryptStory } from './recrypt-story.ts'
import { createRevocationStory } from './revocation-story.ts'

/** By the name that `--story` has. */
export const stories = {
  revocation: createRevocationStory,
  pkcs: createPkcsStory,
  recrypt: createRecryptStory,
  import: createImportStory,
} as const satisfies Readonly<Record<string, () => QueueStory>>

export type StoryName = keyof typeof stories

export const storyNames = Object.keys(stories) as readonly StoryName[]
