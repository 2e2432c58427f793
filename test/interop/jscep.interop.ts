import { jscepStories } from './jscep.ts'
import { playStories } from './play-stories.ts'

await playStories('jscep, the client inside Android, enrols over the wire', jscepStories)
