import { randomUUID } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import type { ServiceMapStore } from './service-map.ts'

const MAX_CHARACTERS = 4 * 1024 * 1024

/** Keeps the service map in one file, replaced in one step. It holds addresses, no secret. */
export function createServiceMapFile(path: string): ServiceMapStore {
  return {
    async load() {
      try {
        const text = await readFile(path, 'utf8')
        return text.length > MAX_CHARACTERS ? undefined : text
      } catch (cause) {
        if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
        throw cause
      }
    },
    async save(text) {
      const temporary = `${path}.${randomUUID()}.tmp`
      try {
        await writeFile(temporary, text, { mode: 0o600 })
        await rename(temporary, path)
      } catch (cause) {
        await rm(temporary, { force: true })
        throw cause
      }
    },
  }
}
