import { randomUUID } from 'node:crypto'
import { link, open, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { ConnectorError } from '../../kernel/index.ts'
import { wrapSqliteError } from './sqlite-failure.ts'

/**
 * Copies a database that is in use into a new file, mode 0600, as of the moment of the call. Writers go on meanwhile;
 * the copying is done off the main thread. The new file appears whole, on the disk, or not at all.
 *
 * @throws ConnectorError `store/conflict` `target` exists: nothing is overwritten
 * @throws ConnectorError `store/unavailable` one of the two files refuses
 */
export async function backUpDatabase(
  file: string,
  target: string,
): Promise<{ readonly bytes: number }> {
  const path = resolve(target)
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    // Tells a wrong directory or an existing file before the long work.
    if (await exists(path)) throw taken(path)
    await (await open(temporary, 'wx', 0o600)).close()
    await copyDatabase(file, temporary)
    await syncFile(temporary)
    // Unlike a rename, a link never replaces what another process put there meanwhile.
    await link(temporary, path)
    await syncFile(dirname(path))
    return { bytes: (await stat(path)).size }
  } catch (error) {
    throw isTaken(error) ? taken(path) : wrapBackupError(error, path)
  } finally {
    await rm(temporary, { force: true })
  }
}

async function copyDatabase(file: string, temporary: string): Promise<void> {
  const source = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
  try {
    // A read transaction holds one moment; without it each commit of the writer would start the copy over.
    source.exec('BEGIN')
    source.prepare('select count(*) from sqlite_schema').get()
    await backup(source, temporary, { rate: 1024 })
    source.exec('ROLLBACK')
  } finally {
    source.close()
  }
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST'
}

function taken(path: string): ConnectorError {
  return new ConnectorError(
    'store/conflict',
    `${path} exists; a backup never overwrites a file, choose another name`,
  )
}

function wrapBackupError(error: unknown, path: string): ConnectorError {
  if (error instanceof ConnectorError) return error
  if (error instanceof Error && 'errcode' in error)
    return wrapSqliteError(error, `cannot back up to ${path}`)
  return new ConnectorError('store/unavailable', `cannot write the backup ${path}`, {
    cause: error,
    isTransient: true,
  })
}
