import { randomUUID } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a file that is whole or absent, also after a loss of power: temporary name beside it, fsync, link, fsync of the
 * directory. Two processes at once: one wins, and both find the winner's file.
 *
 * @returns false when the name was taken already: nothing was changed
 * @throws the error of the system
 */
export function createDurableFile(file: string, content: Uint8Array, mode: number): boolean {
  const temporary = `${file}.${randomUUID()}.tmp`
  try {
    const descriptor = openSync(temporary, 'wx', mode)
    try {
      writeFileSync(descriptor, content)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    return linkIfFree(temporary, file)
  } finally {
    rmSync(temporary, { force: true })
    syncDirectory(dirname(file))
  }
}

// A link, unlike a rename, is refused when the name exists.
function linkIfFree(temporary: string, file: string): boolean {
  try {
    linkSync(temporary, file)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

function syncDirectory(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
