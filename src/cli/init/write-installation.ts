import { randomBytes } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { dirname, isAbsolute, join, relative } from 'node:path'
import { formatProblem, loadConfiguration } from '../../config/index.ts'
import { ConnectorError } from '../../kernel/index.ts'
import { createPrivateFile, makePrivateDirectory, writePrivateFile } from '../../keys/index.ts'
import type { Gathered } from './gather-answers.ts'
import { questions } from './questions.ts'
import { renderConfiguration } from './render-configuration.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

/**
 * Writes the secrets that were typed or are made, then the configuration, each whole or not at all and with mode 0600.
 * The configuration is checked before it takes its place.
 *
 * @returns what was written, absolute
 * @throws ConnectorError `config/invalid` something is there already and `force` is false, or the configuration would not do
 * @throws ConnectorError `key/unreadable` the disk refuses
 */
export async function writeInstallation(
  file: string,
  { answers, typed }: Gathered,
  force: boolean,
): Promise<readonly string[]> {
  const folder = dirname(file)
  const written: string[] = []
  const places = new Map<string, string>(answers)

  async function keep(name: string, place: string, secret: string): Promise<void> {
    const path = join(folder, place)
    await makePrivateDirectory(dirname(path))
    if (force) await writePrivateFile(path, bytesOf(`${secret}\n`))
    else if (!(await createPrivateFile(path, bytesOf(`${secret}\n`)))) throw taken(path)
    places.set(name, path)
    written.push(path)
  }

  /** One that is there is used: devices know the challenge, and the passphrase may encrypt keys. */
  async function make(name: string, place: string, secret: string): Promise<void> {
    const path = join(folder, place)
    if (existsSync(path)) places.set(name, path)
    else await keep(name, place, secret)
  }

  try {
    for (const [name, secret] of typed) await keep(name, placeOf(name), secret.reveal())
    if (answers.get('challenge') === 'static' && !answers.has('staticChallengeFile'))
      await make('staticChallengeFile', 'secrets/static-challenge', randomHex())
    if (!answers.has('passphraseFile'))
      await make('passphraseFile', 'secrets/passphrase', randomBytes(32).toString('base64'))
    for (const { name, isFile } of questions) {
      const path = places.get(name)
      if (isFile === true && path !== undefined) places.set(name, shorten(path, folder))
    }
    await place(file, renderConfiguration(places), force)
    return [...written, file]
  } catch (error) {
    // What was made for a configuration that is not there would be in the way of the next attempt.
    if (!force) for (const path of written) rmSync(path, { force: true })
    throw error
  }
}

/** What Windows can encode, and programs that read the page of NDES expect. */
function randomHex(): string {
  return randomBytes(16).toString('hex').toUpperCase()
}

/** Under a temporary name first: what does not pass never stands where a connector would read it. */
async function place(file: string, text: string, force: boolean): Promise<void> {
  const draft = `${file}.${randomBytes(4).toString('hex')}.draft`
  try {
    await writePrivateFile(draft, bytesOf(text))
    const outcome = loadConfiguration({ file: draft, env: {}, cwd: dirname(file) })
    if (outcome.kind === 'invalid')
      throw new ConnectorError(
        'config/invalid',
        `${file} was not written:\n${outcome.problems.map((problem) => formatProblem({ ...problem, file })).join('\n')}`,
      )
  } finally {
    rmSync(draft, { force: true })
  }
  if (force) await writePrivateFile(file, bytesOf(text))
  else if (!(await createPrivateFile(file, bytesOf(text)))) throw taken(file)
}

/** Refuses before anything is asked. */
export function checkPlace(file: string, force: boolean): void {
  if (!force && existsSync(file)) throw taken(file)
}

function placeOf(name: string): string {
  return questions.find((one) => one.name === name)?.secretFile ?? `secrets/${name}`
}

/** As it stands in the configuration: from its folder, where it is below. */
function shorten(path: string, folder: string): string {
  const short = relative(folder, path)
  return short.startsWith('..') || isAbsolute(short) ? path : short
}

function taken(file: string): ConnectorError {
  return new ConnectorError(
    'config/invalid',
    `${file} is there already; move it away, or overwrite it with --force`,
  )
}
