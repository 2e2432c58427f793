import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ConnectorError } from '../../kernel/index.ts'
import { createPrivateFile, loadPrivateFile, systemCode } from '../../keys/index.ts'
import type { AuthorityManifest } from './manifest-schema.ts'

/** A manifest and its place in the sequence. */
export interface NumberedManifest {
  readonly revision: number
  readonly manifest: AuthorityManifest
}

/**
 * The newest manifest of a folder: `authority-<n>.json` with the highest number. Undefined when the folder has none, or
 * does not exist.
 *
 * @throws ConnectorError `key/unreadable` the folder or the file cannot be read
 * @throws ConnectorError `ca/misconfigured` the file is no manifest
 */
export async function findManifest(directory: string): Promise<NumberedManifest | undefined> {
  const revision = (await listRevisions(directory)).at(-1)
  return revision === undefined ? undefined : loadManifest(directory, revision)
}

/**
 * All manifests of a folder, oldest first: its history.
 *
 * @throws ConnectorError as `findManifest`
 */
export async function listManifests(directory: string): Promise<readonly NumberedManifest[]> {
  const revisions = await listRevisions(directory)
  return Promise.all(revisions.map((revision) => loadManifest(directory, revision)))
}

/**
 * Makes a manifest the newest one, in one step: everything it names is on disk already, and either all of it counts
 * afterwards or nothing does.
 *
 * Two processes that want the same revision: exactly one gets it. Manifests are never replaced or removed, so that a
 * process with an old view cannot take a number again.
 *
 * @returns false when another process was first
 * @throws ConnectorError `key/unreadable` the disk refuses
 */
export async function commitManifest(
  directory: string,
  { revision, manifest }: NumberedManifest,
): Promise<boolean> {
  const { manifestSchema } = await importSchema()
  const text = `${JSON.stringify(manifestSchema.parse(manifest), null, 2)}\n`
  const path = join(directory, manifestName(revision))
  return createPrivateFile(path, new TextEncoder().encode(text))
}

async function loadManifest(directory: string, revision: number): Promise<NumberedManifest> {
  const path = join(directory, manifestName(revision))
  const text = new TextDecoder().decode(await loadPrivateFile(path))
  const { manifestSchema } = await importSchema()
  try {
    return { revision, manifest: manifestSchema.parse(JSON.parse(text)) }
  } catch (cause) {
    throw new ConnectorError(
      'ca/misconfigured',
      `${path} is no manifest of an authority; restore it from a backup`,
      { cause },
    )
  }
}

/** Rising. */
async function listRevisions(directory: string): Promise<number[]> {
  try {
    const names = await readdir(directory)
    return names
      .flatMap((name) => /^authority-([1-9]\d{0,8})\.json$/.exec(name)?.[1] ?? [])
      .map(Number)
      .toSorted((a, b) => a - b)
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return []
    throw new ConnectorError(
      'key/unreadable',
      `${directory} cannot be listed (${systemCode(cause)})`,
      { cause },
    )
  }
}

function manifestName(revision: number): string {
  return `authority-${revision}.json`
}

/** Late, because worker threads come through the same door, read no manifest, and would pay for it at each start. */
function importSchema() {
  return import('./manifest-schema.ts')
}
