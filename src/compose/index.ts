/**
 * The one room that knows every room: a checked configuration in, a running connector out. Decides nothing else.
 *
 * What needs much of the house is loaded by its first call, so that a command that wants a passphrase, or a name, answers at once.
 */
import type * as management from '../management/index.ts'
import type * as files from './check-files.ts'
import type * as online from './check-online.ts'
import type * as challenges from './make-challenge.ts'
import type * as membership from './membership.ts'
import type * as imports from './pfx-imports.ts'
import type * as spool from './replay-spool.ts'
import type * as connector from './start-connector.ts'

export type { ImportDelivery, ImportedPfx, ImportedPfxRecord } from '../management/index.ts'
export { namesOf } from './authorities.ts'
export { loadOrMakePassphrase } from './identity.ts'
export type { Finding } from './online/probe.ts'
export type { ImportKeeper, OpenedPfxImports } from './pfx-imports.ts'
export type { RunningConnector, Surroundings } from './start-connector.ts'

/** @see connector.startConnector */
export const startConnector: typeof connector.startConnector = async (...given) =>
  await (await import('./start-connector.ts')).startConnector(...given)

/** @see files.checkFiles */
export const checkFiles: typeof files.checkFiles = async (...given) =>
  await (await import('./check-files.ts')).checkFiles(...given)

/** @see online.checkOnline */
export const checkOnline: typeof online.checkOnline = async (...given) =>
  await (await import('./check-online.ts')).checkOnline(...given)

/** @see challenges.makeChallenge */
export const makeChallenge: typeof challenges.makeChallenge = async (...given) =>
  await (await import('./make-challenge.ts')).makeChallenge(...given)

/** @see membership.pauseAtService */
export const pauseAtService: typeof membership.pauseAtService = async (...given) =>
  await (await import('./membership.ts')).pauseAtService(...given)

/** @see membership.leaveService */
export const leaveService: typeof membership.leaveService = async (...given) =>
  await (await import('./membership.ts')).leaveService(...given)

/** @see imports.openPfxImports */
export const openPfxImports: typeof imports.openPfxImports = async (...given) =>
  await (await import('./pfx-imports.ts')).openPfxImports(...given)

/** @see spool.replaySpool */
export const replaySpool: typeof spool.replaySpool = async (...given) =>
  await (await import('./replay-spool.ts')).replaySpool(...given)

/** @see management.encodePageUser */
export const encodePageUser: typeof management.encodePageUser = async (...given) =>
  await (await import('../management/index.ts')).encodePageUser(...given)
