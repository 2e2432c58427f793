import { writeFileSync } from 'node:fs'
import { listStories, renderStories } from './stories.ts'

writeFileSync('docs/event-stories.md', renderStories(listStories()))
