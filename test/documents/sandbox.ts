import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Folder in which the commands of a document run; everything that they make stays below it. */
export interface Sandbox {
  readonly root: string
  /** What would be the checkout of the administrator. */
  readonly checkout: string
  /** Plays `/` for `/etc`, `/opt` and `/var` of the host. */
  readonly host: string
  readonly settings: SandboxSettings
}

export interface SandboxSettings {
  /** Ports of the documents and those that this run uses instead, so that runs do not meet. */
  readonly ports: Readonly<Record<string, number>>
  /** Variables of the connector that point it at the simulator. */
  readonly environment: Readonly<Record<string, string>>
}

export function writeSettings(root: string, settings: SandboxSettings): void {
  writeFileSync(join(root, 'settings.json'), JSON.stringify(settings))
}

export function readSandbox(root: string): Sandbox {
  const text = readFileSync(join(root, 'settings.json'), 'utf8')
  return {
    root,
    checkout: join(root, 'checkout'),
    host: join(root, 'host'),
    settings: JSON.parse(text) as SandboxSettings,
  }
}

/** A process that a stand-in left running. */
export interface Resident {
  readonly name: string
  readonly pid: number
  readonly environment: Readonly<Record<string, string>>
  readonly mounts: readonly Mount[]
  readonly log: string
  /** Folders that must stay as they were, and how they were. */
  readonly guarded: readonly string[]
  readonly before: readonly (readonly [string, string])[]
}

/** A folder of this machine, where a container sees it. */
export interface Mount {
  readonly at: string
  readonly folder: string
}

function residentFile(root: string, name: string): string {
  return join(root, `${name}.resident.json`)
}

export function writeResident(root: string, resident: Resident): void {
  writeFileSync(residentFile(root, resident.name), JSON.stringify(resident))
}

export function findResident(root: string, name: string): Resident | undefined {
  const file = residentFile(root, name)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Resident) : undefined
}

/** Whether a process still runs; one that ended and was not waited for does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** Asks a process to end and waits for it. @throws when it does not end within 60 s */
export async function stopProcess(pid: number): Promise<void> {
  if (!isAlive(pid)) return
  process.kill(pid, 'SIGTERM')
  for (const until = Date.now() + 60_000; isAlive(pid); ) {
    if (Date.now() > until) throw new Error(`process ${pid} does not end`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
