import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConnectorError } from '../kernel/index.ts'

/** A capture as an operator ordered it. */
export interface CaptureOrder {
  readonly profile: string
  readonly until: Date
  readonly maxMessages: number
  /** Of all files together. */
  readonly maxBytes: number
}

export interface CaptureRecord extends CaptureOrder {
  /** Name of its folder. */
  readonly name: string
  readonly hasStarted: boolean
  /** An operator wants it to end. */
  readonly isStopped: boolean
  /** Messages and octets there are already. */
  readonly messages: number
  readonly bytes: number
}

/**
 * Captures of messages: a folder each, mode 0700, files 0600. What they hold was redacted before; the folder is still for
 * the operator's eyes only. An order is a file, so a command beside the connector can give one, and a restart finds it.
 *
 * @throws ConnectorError `store/unavailable` the disk refuses
 */
export interface CaptureFolder {
  readonly directory: string
  /** Appears whole or not at all. @returns the name of its folder */
  order(order: CaptureOrder, now: Date): Promise<string>
  /** Those that have not ended. A folder that holds no order is passed over. */
  listOpen(): Promise<readonly CaptureRecord[]>
  mark(name: string, what: 'started' | 'stop' | 'ended', text: string): Promise<void>
  /** Files by their names; none of them is there yet. */
  write(name: string, files: ReadonlyMap<string, Uint8Array>): Promise<void>
}

const ORDER = 'capture.json'
const MAX_FOLDERS = 100

/** Captures under a directory, which is made with the first one. */
export function openCaptureFolder(directory: string): CaptureFolder {
  return {
    directory,

    order: async (order, now) =>
      await using(directory, async () => {
        await mkdir(directory, { recursive: true, mode: 0o700 })
        if ((await listNames(directory)).length >= MAX_FOLDERS)
          throw new ConnectorError(
            'config/invalid',
            `${directory} holds ${MAX_FOLDERS} captures: remove those that you no longer need`,
          )
        const stamp = now.toISOString().replaceAll(/[-:.]/g, '')
        const name = `${order.profile}-${stamp}`
        const temporary = join(directory, `.${name}.tmp`)
        await mkdir(temporary, { mode: 0o700 })
        await writeNew(join(temporary, ORDER), Buffer.from(`${JSON.stringify(order)}\n`))
        await rename(temporary, join(directory, name))
        return name
      }),

    listOpen: async () =>
      await using(directory, async () => {
        const records: CaptureRecord[] = []
        for (const name of await listNames(directory)) {
          const record = await readRecord(directory, name).catch(undefinedIfClosed)
          if (record !== undefined) records.push(record)
        }
        return records
      }),

    mark: async (name, what, text) =>
      await using(directory, async () => {
        await writeFile(join(directory, name, what), `${text}\n`, { mode: 0o600 })
      }),

    write: async (name, files) =>
      await using(directory, async () => {
        for (const [file, bytes] of files) await writeNew(join(directory, name, file), bytes)
      }),
  }
}

async function listNames(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

/** @returns undefined: ended, or no capture */
async function readRecord(directory: string, name: string): Promise<CaptureRecord | undefined> {
  const folder = join(directory, name)
  const files = await readdir(folder)
  if (files.includes('ended') || !files.includes(ORDER)) return undefined
  const order = parseOrder(await readFile(join(folder, ORDER), 'utf8'))
  if (order === undefined) return undefined
  const kept = files.filter((file) => /^\d{4}/.test(file))
  const sizes = await Promise.all(kept.map(async (file) => (await stat(join(folder, file))).size))
  return {
    ...order,
    name,
    hasStarted: files.includes('started'),
    isStopped: files.includes('stop'),
    messages: Math.max(0, ...kept.map((file) => Number(file.slice(0, 4)))),
    bytes: sizes.reduce((sum, size) => sum + size, 0),
  }
}

/** A folder of another account, or one that was removed meanwhile, is no capture of ours. */
function undefinedIfClosed(error: unknown): undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code !== 'EACCES' && code !== 'ENOENT') throw error
}

function parseOrder(text: string): CaptureOrder | undefined {
  try {
    const { profile, until, maxMessages, maxBytes } = JSON.parse(text) as Record<string, unknown>
    const end = new Date(String(until))
    if (typeof profile !== 'string' || Number.isNaN(end.getTime())) return undefined
    if (typeof maxMessages !== 'number' || typeof maxBytes !== 'number') return undefined
    return { profile, until: end, maxMessages, maxBytes }
  } catch {
    return undefined
  }
}

async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  await writeFile(path, bytes, { mode: 0o600, flag: 'wx' })
}

async function using<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof ConnectorError) throw cause
    throw new ConnectorError(
      'store/unavailable',
      `${directory} cannot be used; run the command as the account of the connector`,
      { cause, isTransient: true },
    )
  }
}
