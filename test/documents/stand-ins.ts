/**
 * Plays the programs that the documents call and that a test cannot have: `docker` and `docker compose` (the Dockerfile's
 * and the compose file's words, done with processes and folders), `systemctl` (the unit's ExecStart and Environment) and
 * `npm`. Called as `node stand-ins.ts <program> <words…>` in a sandbox that `SANDBOX` names.
 */
import { spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { parse } from 'yaml'
import { buildImage, type ContainerImage } from './container-image.ts'
import {
  type ContainerPlan,
  findRunning,
  runContainer,
  runInside,
  startContainer,
  stopContainer,
  toHost,
  waitForHealth,
} from './containers.ts'
import { findResident, isAlive, readSandbox, writeResident } from './sandbox.ts'

const sandbox = readSandbox(process.env['SANDBOX'] ?? '')
const imageFile = join(sandbox.root, 'image.json')

const [program = '', ...given] = process.argv.slice(2)
const programs: Readonly<Record<string, (words: readonly string[]) => Promise<number>>> = {
  docker,
  npm,
  systemctl,
}
process.exitCode = await (programs[program]?.(given) ?? unknown(program, given))

async function docker(words: readonly string[]): Promise<number> {
  const [verb, ...rest] = words
  if (verb === 'compose') return await compose(rest)
  if (verb === 'build') return build()
  if (verb === 'run') return await dockerRun(rest)
  if (verb === 'rm' && rest[0] !== undefined) {
    rmSync(join(sandbox.root, `${rest[0]}.resident.json`))
    return 0
  }
  if (verb === 'stop' && rest[0] !== undefined) {
    await stopContainer(sandbox, rest[0])
    return 0
  }
  if (verb === 'exec') {
    const [name = '', ...inside] = rest.filter((word) => word !== '-T')
    return await runInside(sandbox, image(), name, inside)
  }
  return unknown('docker', words)
}

/** Like an engine, does nothing where the same context was built before. */
function build(): number {
  const context = ['Dockerfile', '.dockerignore', 'package-lock.json', 'bin', 'src'].flatMap(
    (name) => listChanges(join(sandbox.checkout, name)),
  )
  const key = join(sandbox.root, 'image.key')
  if (existsSync(key) && readFileSync(key, 'utf8') === context.join('\n')) return 0
  const built = buildImage(sandbox.checkout, join(sandbox.root, 'image'))
  writeFileSync(imageFile, JSON.stringify(built))
  writeFileSync(key, context.join('\n'))
  return 0
}

function listChanges(path: string): string[] {
  const { mtimeMs, size } = statSync(path)
  if (!statSync(path).isDirectory()) return [`${path} ${mtimeMs} ${size}`]
  return readdirSync(path).flatMap((name) => listChanges(join(path, name)))
}

function image(): ContainerImage {
  return JSON.parse(readFileSync(imageFile, 'utf8')) as ContainerImage
}

async function dockerRun(words: readonly string[]): Promise<number> {
  const volumes: string[] = []
  const published: string[] = []
  const environment: Record<string, string> = {}
  let name = 'once'
  let isDetached = false
  let isReadOnly = false
  const rest = [...words]
  for (let word = rest.shift(); word?.startsWith('-') === true; word = rest.shift()) {
    if (word === '-d') isDetached = true
    else if (word === '--read-only') isReadOnly = true
    else if (word === '-v') volumes.push(rest.shift() ?? '')
    else if (word === '-p') published.push(rest.shift() ?? '')
    else if (word === '--name') name = rest.shift() ?? ''
    else if (word === '-e') {
      const [key = '', value = ''] = (rest.shift() ?? '').split('=')
      environment[key] = value
    } else if (word !== '--rm') return unknown('docker run', words)
  }
  const plan: ContainerPlan = {
    name,
    image: image(),
    isReadOnly,
    volumes,
    published,
    environment,
    arguments: rest,
  }
  if (!isDetached) return await runContainer(sandbox, plan)
  startContainer(sandbox, plan)
  return 0
}

interface ComposeFile {
  readonly services: {
    readonly connector: {
      readonly image: string
      readonly build: string
      readonly read_only: boolean
      readonly environment: Readonly<Record<string, string>>
      readonly volumes: readonly string[]
      readonly ports: readonly string[]
    }
    readonly nginx: { readonly volumes: readonly string[] }
  }
  readonly volumes: Readonly<Record<string, unknown>>
}

async function compose(words: readonly string[]): Promise<number> {
  const { services } = parse(
    readFileSync(join(sandbox.checkout, 'compose.yaml'), 'utf8'),
  ) as ComposeFile
  const { connector } = services
  const [verb = '', ...all] = words
  const rest = all.filter((word) => !['--rm', '-T', '-d'].includes(word))
  const plan = (more: readonly string[], published: readonly string[]): ContainerPlan => ({
    name: 'connector',
    image: image(),
    isReadOnly: connector.read_only,
    volumes: connector.volumes,
    published,
    environment: connector.environment,
    arguments: more,
  })
  switch (verb) {
    case 'build':
      return build()
    case 'run':
      return await runContainer(sandbox, plan(rest.slice(1), []))
    case 'exec':
      return await runInside(sandbox, image(), 'connector', rest.slice(1))
    case 'up':
      for (const text of services.nginx.volumes)
        if (!existsSync(join(sandbox.checkout, text.split(':')[0] ?? '')))
          throw new Error(`nginx: ${text} is not there`)
      await stopIfRunning()
      startContainer(sandbox, plan([], connector.ports))
      await waitForHealth(sandbox, image(), 'connector')
      return 0
    case 'restart':
      await stopContainer(sandbox, 'connector')
      startContainer(sandbox, plan([], connector.ports))
      return 0
    case 'ps':
      process.stdout.write(`connector  ${findRunning(sandbox, 'connector').pid}  running\n`)
      return 0
    case 'logs':
      process.stdout.write(readFileSync(findRunning(sandbox, 'connector').log))
      return 0
    case 'cp': {
      const [from = '', to = ''] = rest
      const { mounts } = findRunning(sandbox, 'connector')
      const source = toHost(from.replace(/^connector:/, ''), image(), mounts)
      cpSync(source, join(sandbox.checkout, to), { recursive: true })
      return 0
    }
    default:
      return unknown('docker compose', words)
  }
}

async function stopIfRunning(): Promise<void> {
  const resident = findResident(sandbox.root, 'connector')
  if (resident !== undefined && isAlive(resident.pid)) await stopContainer(sandbox, 'connector')
}

async function npm(words: readonly string[]): Promise<number> {
  if (words[0] === 'ci') {
    // The packages are here already, as the lock file of the repository has them.
    return existsSync(join(sandbox.checkout, 'package-lock.json')) ? 0 : 1
  }
  const { scripts } = JSON.parse(readFileSync(join(sandbox.checkout, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>
  }
  const script = words[0] === 'run' ? scripts[words[1] ?? ''] : undefined
  if (script === undefined) return unknown('npm', words)
  // The image was built by the same command from the same sources a moment ago.
  const step = readFileSync(join(sandbox.checkout, 'Dockerfile'), 'utf8')
  if (!step.includes(`RUN npx --no-install ${script}\n`)) return unknown('npm', words)
  const built = join(sandbox.root, 'image/build/app/dist')
  cpSync(built, join(sandbox.checkout, 'dist'), { recursive: true })
  return 0
}

async function systemctl(words: readonly string[]): Promise<number> {
  const name = 'certconnector'
  switch (words[0] ?? '') {
    case 'daemon-reload':
      return 0
    case 'enable':
      startUnit(name)
      return 0
    case 'status': {
      const { pid } = findRunning(sandbox, name)
      process.stdout.write(`${name}.service  active (running)  ${pid}\n`)
      return 0
    }
    default:
      return unknown('systemctl', words)
  }
}

/** Paths of a unit are those of the host: `/opt/certificate-connector` is the checkout. */
function startUnit(name: string): void {
  const unit = readFileSync(join(sandbox.host, 'etc/systemd/system', `${name}.service`), 'utf8')
  const onHost = (text: string): string =>
    text
      .replace('/opt/certificate-connector', sandbox.checkout)
      .replace(/^\/(etc|var)\//, `${sandbox.host}/$1/`)
  const values = (key: string): string[] =>
    [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((match) => match[1] ?? '')
  for (const folder of values('StateDirectory'))
    mkdirSync(join(sandbox.host, 'var/lib', folder), { recursive: true, mode: 0o700 })
  const environment: Record<string, string> = {
    PATH: '/usr/bin:/bin',
    ...sandbox.settings.environment,
    CONNECTOR_LISTENERS_DEVICE_HOST: '127.0.0.1',
    CONNECTOR_LISTENERS_DEVICE_PORT: '0',
    CONNECTOR_LISTENERS_ADMIN_PORT: String(sandbox.settings.ports['unit']),
  }
  for (const text of values('Environment')) {
    const [key = '', value = ''] = text.split('=')
    environment[key] = onHost(value)
  }
  const [command = '', ...rest] = (values('ExecStart')[0] ?? '').split(' ').map(onHost)
  if (!statSync(command).isFile()) throw new Error(`${basename(command)} is not there`)
  const log = join(sandbox.root, `${name}.log`)
  const output = openSync(log, 'a')
  const child = spawn(command, rest, {
    cwd: '/',
    env: environment,
    detached: true,
    stdio: ['ignore', output, output],
  })
  child.unref()
  if (child.pid === undefined) throw new Error(`${name} did not start`)
  const resident = { name, pid: child.pid, environment, mounts: [], log, guarded: [], before: [] }
  writeResident(sandbox.root, resident)
}

function unknown(name: string, words: readonly string[]): number {
  process.stderr.write(`${name} ${words.join(' ')}: a command that this test does not know\n`)
  return 64
}
