/** The one room that knows every room: a checked configuration in, a running connector out. Decides nothing else. */

export type { ImportedPfx, ImportedPfxRecord } from '../management/index.ts'
export { encodePageUser } from '../management/index.ts'
export { namesOf } from './authorities.ts'
export { loadOrMakePassphrase } from './identity.ts'
export { makeChallenge } from './make-challenge.ts'
export { leaveService, pauseAtService } from './membership.ts'
export { type OpenedPfxImports, openPfxImports } from './pfx-imports.ts'
export { replaySpool } from './replay-spool.ts'
export { type RunningConnector, type Surroundings, startConnector } from './start-connector.ts'
