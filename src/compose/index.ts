/** The one room that knows every room: a checked configuration in, a running connector out. Decides nothing else. */

export type { ImportDelivery, ImportedPfx, ImportedPfxRecord } from '../management/index.ts'
export { encodePageUser } from '../management/index.ts'
export { namesOf } from './authorities.ts'
export { checkOnline } from './check-online.ts'
export { loadOrMakePassphrase } from './identity.ts'
export { makeChallenge } from './make-challenge.ts'
export { leaveService, pauseAtService } from './membership.ts'
export type { Finding } from './online/probe.ts'
export { type ImportKeeper, type OpenedPfxImports, openPfxImports } from './pfx-imports.ts'
export { replaySpool } from './replay-spool.ts'
export { type RunningConnector, type Surroundings, startConnector } from './start-connector.ts'
