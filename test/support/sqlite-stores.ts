import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore, type Store } from '../../src/store/index.ts'
import type { StoreHarness } from './store-harness.ts'

/** A new directory of its own, and how it goes away. */
export async function makeDirectory(): Promise<{
  readonly path: string
  remove(): Promise<void>
}> {
  const path = await mkdtemp(join(tmpdir(), 'store-test-'))
  return {
    path,
    remove: async () => await rm(path, { recursive: true, force: true }),
  }
}

/** A database file after its migrations, which are made once a process: their own tests are those of `openStore`. */
let newDatabase: Promise<Uint8Array> | undefined

async function makeNewDatabase(): Promise<Uint8Array> {
  const directory = await makeDirectory()
  try {
    const file = join(directory.path, 'connector.db')
    const store = await openStore({ kind: 'sqlite', file })
    await store.close()
    return await readFile(file)
  } finally {
    await directory.remove()
  }
}

/** A SQLite store in a directory of its own; `openSecond` opens the same file with its own connections and writer. */
export async function openSqliteHarness(): Promise<StoreHarness> {
  const directory = await makeDirectory()
  const file = join(directory.path, 'connector.db')
  newDatabase ??= makeNewDatabase()
  await writeFile(file, await newDatabase, { mode: 0o600 })
  const opened: Store[] = []
  const open = async (): Promise<Store> => {
    const store = await openStore({ kind: 'sqlite', file })
    opened.push(store)
    return store
  }
  return {
    store: await open(),
    openSecond: open,
    async close() {
      for (const store of opened) await store.close()
      await directory.remove()
    },
  }
}
