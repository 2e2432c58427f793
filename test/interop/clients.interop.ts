import { certmongerStories } from './certmonger.ts'
import { opensslAndCurlStories } from './openssl-and-curl.ts'
import { playStories } from './play-stories.ts'
import { scepclientStories } from './scepclient.ts'
import { strongswanStories } from './strongswan.ts'

await playStories('real clients enrol over the wire', [
  ...strongswanStories,
  ...scepclientStories,
  ...certmongerStories,
  ...opensslAndCurlStories,
])
