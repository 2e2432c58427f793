import { DatabaseSync } from 'node:sqlite'
import { ConnectorError } from '../kernel/index.ts'

/** SQLite's own numbers: somebody else holds the file. */
const SQLITE_BUSY = 5

/** A lock that nothing refers to would go with the garbage. */
const heldLocks = new Set<DatabaseSync>()

/**
 * Takes a folder for this process alone, by a lock that the operating system drops with the process, however it dies.
 * The file stays and means nothing by itself. Works on a local disk; a network file system may lie about locks.
 *
 * @param file made where it is missing, in a folder that exists
 * @returns gives the folder back; twice is fine
 * @throws ConnectorError `store/conflict` another process, or this one, holds it
 * @throws ConnectorError `store/unavailable` the file cannot be made or opened
 */
export function lockFolder(file: string): () => void {
  let lock: DatabaseSync | undefined
  try {
    lock = new DatabaseSync(file, { timeout: 0 })
    // Nothing is ever written, so a journal on disk would only be left behind by a process that is killed.
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (cause) {
    lock?.close()
    if (cause instanceof Error && 'errcode' in cause && cause.errcode === SQLITE_BUSY)
      throw new ConnectorError(
        'store/conflict',
        `${file} is locked: another connector works on this data folder; stop it first, or give this one a dataDir of its own`,
      )
    throw new ConnectorError(
      'store/unavailable',
      `${file} cannot be written; check that the folder belongs to the account of the service and that the disk is not full`,
      { cause },
    )
  }
  const held = lock
  heldLocks.add(held)
  return () => {
    heldLocks.delete(held)
    if (held.isOpen) held.close()
  }
}
