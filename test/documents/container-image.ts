import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/** A Dockerfile's steps, done without an engine: its last stage as a folder, and what it says about starting. */
export interface ContainerImage {
  /** Plays the root of the file system. */
  readonly root: string
  readonly workdir: string
  readonly environment: Readonly<Record<string, string>>
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  readonly healthcheck: readonly string[]
  readonly user: string
  readonly volumes: readonly string[]
}

interface Stage {
  readonly root: string
  workdir: string
  environment: Record<string, string>
  entrypoint: string[]
  command: string[]
  healthcheck: string[]
  user: string
  volumes: string[]
}

const repository = resolve(import.meta.dirname, '../..')

/**
 * Does the steps of a Dockerfile in folders. Three things differ from an engine: `npm ci` links the packages that are
 * installed here already (production and development, as the lock file has them), `npm prune` removes the links of
 * development packages, and nothing changes its owner.
 *
 * @param context the build context; what `.dockerignore` names is not in it
 * @param folder where the stages are made
 */
export function buildImage(context: string, folder: string): ContainerImage {
  const stages = new Map<string, Stage>()
  let stage: Stage | undefined
  for (const [instruction, rest] of parseDockerfile(join(context, 'Dockerfile'))) {
    if (instruction === 'FROM') {
      const [image = '', , name = 'final'] = rest.split(/\s+/)
      if (!/^node:24\b/.test(image)) throw new Error(`FROM ${image}: no Node 24`)
      stage = beginStage(join(folder, name))
      stages.set(name, stage)
    } else if (stage === undefined) throw new Error(`${instruction} before FROM`)
    else runStep(stage, instruction, rest, context, stages)
  }
  if (stage === undefined) throw new Error('no stage')
  return stage
}

function parseDockerfile(file: string): [string, string][] {
  return readFileSync(file, 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, instruction = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line.trim()) ?? []
      return [instruction, rest]
    })
}

function beginStage(root: string): Stage {
  rmSync(root, { recursive: true, force: true })
  mkdirSync(join(root, 'usr/local/bin'), { recursive: true })
  return {
    root,
    workdir: '/',
    environment: {},
    entrypoint: [],
    command: [],
    healthcheck: [],
    user: 'root',
    volumes: [],
  }
}

function runStep(
  stage: Stage,
  instruction: string,
  rest: string,
  context: string,
  stages: ReadonlyMap<string, Stage>,
): void {
  switch (instruction) {
    case 'WORKDIR':
      stage.workdir = rest
      mkdirSync(join(stage.root, rest), { recursive: true })
      return
    case 'COPY':
      copy(stage, rest, context, stages)
      return
    case 'RUN':
      for (const command of rest.split('&&')) run(stage, command.trim())
      return
    case 'ENV': {
      const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(rest) ?? []
      stage.environment[name] = value
      return
    }
    case 'USER':
      stage.user = rest
      return
    case 'VOLUME':
      stage.volumes = JSON.parse(rest) as string[]
      return
    case 'EXPOSE':
      return
    case 'HEALTHCHECK':
      stage.healthcheck = JSON.parse(rest.slice(rest.indexOf('CMD') + 3)) as string[]
      return
    case 'ENTRYPOINT':
      stage.entrypoint = JSON.parse(rest) as string[]
      return
    case 'CMD':
      stage.command = JSON.parse(rest) as string[]
      return
    default:
      throw new Error(`${instruction}: a step that this test does not know`)
  }
}

function copy(
  stage: Stage,
  rest: string,
  context: string,
  stages: ReadonlyMap<string, Stage>,
): void {
  const words = rest.split(/\s+/)
  const from = /^--from=(.+)$/.exec(words[0] ?? '')?.[1]
  if (from !== undefined) words.shift()
  const target = words.pop() ?? ''
  const source = from === undefined ? context : stages.get(from)?.root
  if (source === undefined) throw new Error(`COPY --from=${from}: no such stage`)
  for (const word of words) {
    if (from === undefined && isIgnored(context, word))
      throw new Error(`COPY ${word}: .dockerignore keeps it out of the build`)
    const path = join(source, word)
    const isFolder = statSync(path).isDirectory()
    const to = join(stage.root, resolve(stage.workdir, target), isFolder ? '' : basename(word))
    mkdirSync(isFolder ? to : dirname(to), { recursive: true })
    cpSync(path, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
  }
}

function isIgnored(context: string, path: string): boolean {
  return readFileSync(join(context, '.dockerignore'), 'utf8')
    .split('\n')
    .some((line) => line !== '' && (path === line || path.startsWith(`${line}/`)))
}

function run(stage: Stage, command: string): void {
  const here = join(stage.root, stage.workdir)
  if (command.startsWith('npm ci')) return linkPackages(here)
  if (command.startsWith('npm prune --omit=dev')) return removeDevelopment(here)
  if (command.startsWith('chown ')) return
  const local = command
    .replace(/^npx --no-install (\S+)/, 'node_modules/.bin/$1')
    .replaceAll(/(?<=\s)\/(?=\w)/g, `${stage.root}/`)
  execFileSync('/bin/sh', ['-euc', local], {
    cwd: here,
    env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` },
    stdio: 'inherit',
  })
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>
}

function listPackages(here: string): [string, boolean][] {
  const lock = JSON.parse(readFileSync(join(here, 'package-lock.json'), 'utf8')) as Lock
  return Object.entries(lock.packages)
    .map(([path, { dev }]): [string, boolean] => [path, dev === true])
    .filter(([path]) => /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path))
}

/** Links, never folders of the real installation: what a later step removes are links. */
function linkPackages(here: string): void {
  for (const [path] of listPackages(here)) {
    const real = join(repository, path)
    if (!existsSync(real)) continue
    mkdirSync(dirname(join(here, path)), { recursive: true })
    symlinkSync(real, join(here, path))
  }
  const bin = 'node_modules/.bin'
  mkdirSync(join(here, bin), { recursive: true })
  for (const name of readdirSync(join(repository, bin)))
    symlinkSync(join(repository, bin, name), join(here, bin, name))
}

function removeDevelopment(here: string): void {
  for (const [path, isDevelopment] of listPackages(here))
    if (isDevelopment) rmSync(join(here, path), { force: true })
}
