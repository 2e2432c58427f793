import { certmongerStories } from './certmonger.ts'
import { jscepStories } from './jscep.ts'
import { linterRows } from './linters/rows.ts'
import { opensslAndCurlStories } from './openssl-and-curl.ts'
import { replayedStories } from './replayed-clients.ts'
import type { Row } from './rows.ts'
import { scepclientStories } from './scepclient.ts'
import { strongswanStories } from './strongswan.ts'

/**
 * Every row of the table, in the order of docs/interop.md. A new `*.interop.ts` adds its rows here and plays them with
 * `playRow`; a row that is listed and not played, or played and not listed, fails the run.
 */
export const allRows: readonly Row[] = [
  ...strongswanStories,
  ...scepclientStories,
  ...certmongerStories,
  ...jscepStories,
  ...opensslAndCurlStories,
  ...replayedStories,
  ...Object.values(linterRows),
]
