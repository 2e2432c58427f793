import { type ChildProcess, spawn } from 'node:child_process'
import { lstatSync, mkdirSync, openSync, readdirSync, symlinkSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { ContainerImage } from './container-image.ts'
import {
  findResident,
  isAlive,
  type Mount,
  type Resident,
  type Sandbox,
  stopProcess,
  writeResident,
} from './sandbox.ts'

/** How a container is started, from the words of `docker run` or from a compose file. */
export interface ContainerPlan {
  readonly name: string
  readonly image: ContainerImage
  readonly isReadOnly: boolean
  /** `source:target[:ro]`, as written. */
  readonly volumes: readonly string[]
  /** `[address:]host:container`, as written. */
  readonly published: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly arguments: readonly string[]
}

/** Runs to its end, on the streams of this process. Returns its exit code. */
export async function runContainer(sandbox: Sandbox, plan: ContainerPlan): Promise<number> {
  const start = prepare(sandbox, plan)
  const before = snapshot(start.guarded)
  const child = spawn(start.file, start.arguments, { ...start.options, stdio: 'inherit' })
  const code = await exitOf(child)
  compare(before, snapshot(start.guarded))
  return code
}

/** Starts and leaves it running. */
export function startContainer(sandbox: Sandbox, plan: ContainerPlan): Resident {
  const start = prepare(sandbox, plan)
  const log = join(sandbox.root, `${plan.name}.log`)
  const output = openSync(log, 'a')
  const before = [...snapshot(start.guarded)]
  const child = spawn(start.file, start.arguments, {
    ...start.options,
    detached: true,
    stdio: ['ignore', output, output],
  })
  child.unref()
  if (child.pid === undefined) throw new Error(`${plan.name} did not start`)
  const { name } = plan
  const { env: environment } = start.options
  const { mounts, guarded } = start
  const resident = { name, pid: child.pid, environment, mounts, log, guarded, before }
  writeResident(sandbox.root, resident)
  return resident
}

/** A command in a container that runs. Returns its exit code. */
export async function runInside(
  sandbox: Sandbox,
  image: ContainerImage,
  name: string,
  words: readonly string[],
): Promise<number> {
  const { environment, mounts } = findRunning(sandbox, name)
  const [command = '', ...rest] = words.map((word) => toHost(word, image, mounts))
  const child = spawn(command, rest, {
    cwd: join(image.root, image.workdir),
    env: environment,
    stdio: 'inherit',
  })
  // As with a terminal: the signal reaches the command itself, and its exit code counts.
  process.on('SIGINT', () => undefined)
  return await exitOf(child)
}

export function findRunning(sandbox: Sandbox, name: string): Resident {
  const resident = findResident(sandbox.root, name)
  if (resident === undefined || !isAlive(resident.pid)) throw new Error(`${name} does not run`)
  return resident
}

/** Ends it, and looks whether it wrote where it must not. */
export async function stopContainer(sandbox: Sandbox, name: string): Promise<void> {
  const { pid, guarded, before } = findRunning(sandbox, name)
  await stopProcess(pid)
  compare(new Map(before), snapshot(guarded))
}

/** Tells that an administrator wrote these, on the host, into what a container that runs may only read. */
export function acceptWritten(sandbox: Sandbox, name: string, paths: readonly string[]): void {
  const resident = findRunning(sandbox, name)
  const now = snapshot(resident.guarded)
  const before = new Map(resident.before)
  for (const path of paths) before.set(path, now.get(path) ?? '')
  writeResident(sandbox.root, { ...resident, before: [...before] })
}

/** Runs the health check of the image until it is content. @throws after 60 s, or when the container has ended */
export async function waitForHealth(
  sandbox: Sandbox,
  image: ContainerImage,
  name: string,
): Promise<void> {
  const { ports } = sandbox.settings
  const words = image.healthcheck.map((word) =>
    word.replaceAll(/\b8081\b/g, String(ports['8081'] ?? 8081)),
  )
  for (const until = Date.now() + 60_000; ; ) {
    if ((await runInside(sandbox, image, name, words)) === 0) return
    if (Date.now() > until) throw new Error(`${name} is not healthy`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** A path inside a container, on this machine. What is no absolute path stays as it is. */
export function toHost(text: string, image: ContainerImage, mounts: readonly Mount[]): string {
  if (!text.startsWith('/')) return text
  const mount = mounts
    .filter(({ at }) => text === at || text.startsWith(`${at}/`))
    .sort((a, b) => b.at.length - a.at.length)[0]
  return mount === undefined
    ? join(image.root, text)
    : join(mount.folder, text.slice(mount.at.length))
}

function prepare(sandbox: Sandbox, plan: ContainerPlan) {
  const { image } = plan
  if (image.user === 'root') throw new Error('the image runs as root')
  const mounts = plan.volumes.map((text) => parseMount(sandbox, text))
  layOver(mounts)
  const environment = {
    PATH: `${join(image.root, 'usr/local/bin')}:${dirname(process.execPath)}:/usr/bin:/bin`,
    ...sandbox.settings.environment,
    ...image.environment,
    ...plan.environment,
  }
  const env: Record<string, string> = Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, inside(name, value)]),
  )
  Object.assign(env, listenersOf(sandbox, plan, env))
  const [command = '', ...rest] = [
    ...image.entrypoint,
    ...(plan.arguments.length > 0 ? plan.arguments : image.command),
  ]
  return {
    file: join(image.root, 'usr/local/bin', command),
    arguments: rest.map((word) => toHost(word, image, mounts)),
    options: { cwd: join(image.root, image.workdir), env },
    mounts,
    // What nobody may write: the image, and what is mounted with :ro.
    guarded: [
      ...(plan.isReadOnly ? [image.root] : []),
      ...plan.volumes
        .filter((text) => text.endsWith(':ro'))
        .map((text) => parseMount(sandbox, text).folder),
    ],
  }

  function inside(name: string, value: string): string {
    const isOurs = Object.hasOwn(sandbox.settings.environment, name) || name === 'PATH'
    return isOurs ? value : toHost(value, image, mounts)
  }
}

/** Ports of this run instead of those of the documents, on loopback only. */
function listenersOf(
  { settings }: Sandbox,
  { published }: ContainerPlan,
  environment: Readonly<Record<string, string>>,
): Record<string, string> {
  const admin = published
    .find((text) => text.endsWith(':8081'))
    ?.split(':')
    .at(-2)
  // A port that is published reaches a process only where it listens on more than loopback of the container.
  if (admin !== undefined && environment['CONNECTOR_LISTENERS_ADMIN_HOST'] !== '0.0.0.0')
    throw new Error('8081 is published, but nothing inside the container listens for it')
  const isServed = admin === '8081'
  return {
    CONNECTOR_LISTENERS_ADMIN_HOST: '127.0.0.1',
    CONNECTOR_LISTENERS_ADMIN_PORT: String(settings.ports[admin ?? ''] ?? 0),
    CONNECTOR_LISTENERS_DEVICE_HOST: '127.0.0.1',
    CONNECTOR_LISTENERS_DEVICE_PORT: String(isServed ? (settings.ports['8080'] ?? 0) : 0),
  }
}

function parseMount(sandbox: Sandbox, text: string): Mount {
  const [source = '', at = ''] = text.split(':')
  // A word is a volume of the engine, a path a folder of the host.
  const folder = /^[./]/.test(source)
    ? resolve(sandbox.checkout, source)
    : join(sandbox.root, 'volumes', source)
  mkdirSync(folder, { recursive: true })
  return { at, folder }
}

/** A mount within another (`/data/ca` in `/data`) stands in the outer one's folder as a link. */
function layOver(mounts: readonly Mount[]): void {
  for (const inner of mounts)
    for (const outer of mounts)
      if (inner !== outer && inner.at.startsWith(`${outer.at}/`))
        linkOnce(inner.folder, join(outer.folder, inner.at.slice(outer.at.length)))
}

function linkOnce(target: string, path: string): void {
  try {
    lstatSync(path)
  } catch {
    symlinkSync(target, path)
  }
}

type Snapshot = ReadonlyMap<string, string>

function snapshot(folders: readonly string[]): Snapshot {
  const seen = new Map<string, string>()
  for (const folder of folders)
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const path = join(folder, name)
      const { mtimeMs, size } = lstatSync(path)
      seen.set(path, `${mtimeMs} ${size}`)
    }
  return seen
}

function compare(before: Snapshot, now: Snapshot): void {
  const changed = [...new Set([...before.keys(), ...now.keys()])].filter(
    (path) => before.get(path) !== now.get(path),
  )
  if (changed.length > 0)
    throw new Error(`written where only reading is possible: ${changed.slice(0, 5).join(', ')}`)
}

async function exitOf(child: ChildProcess): Promise<number> {
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 128))
  })
}
