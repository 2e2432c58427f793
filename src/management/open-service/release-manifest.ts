import { createPublicKey, type KeyObject, randomUUID } from 'node:crypto'
import { compactVerify } from 'jose'
import { ConnectorError } from '../../kernel/index.ts'
import type { ServiceConnection } from './connection.ts'
import type { TextStore } from './options.ts'
import type { Release } from './support-status.ts'
import { MAX_MANIFEST_BYTES, releaseManifest } from './wire/releases.ts'

/** Reads the releases that the pinned key signed. */
export interface ReleaseManifest {
  /**
   * @returns undefined where the service names no manifest and never did
   * @throws ConnectorError `management/bad-response` not signed by the pinned key, not a manifest, or older than one seen before
   * @throws ConnectorError as `ServiceConnection.loadText`; as `TextStore.find` and `save`
   */
  load(signal: AbortSignal): Promise<readonly Release[] | undefined>
}

/**
 * Fetches through the service and trusts only the key: whoever holds the service cannot invent a release. The newest list
 * that was believed is kept, so that nobody can hide a successor again, also not over a restart: one that is older is
 * refused, and the kept one counts where the service names none any more. One that another key signed, because the
 * configured one was replaced, counts for nothing.
 *
 * @param releaseKeyPem Ed25519, SPKI
 * @throws ConnectorError `config/invalid` it is no such key
 * @see RFC 7515, RFC 8037
 */
export function createReleaseManifest(
  connection: ServiceConnection,
  releaseKeyPem: string,
  store: TextStore,
): ReleaseManifest {
  const key = parseKey(releaseKeyPem)
  let newest: Promise<Manifest | undefined> | undefined

  async function findKept(): Promise<Manifest | undefined> {
    const text = await store.find()
    return text === undefined ? undefined : await openManifest(text, key).catch(() => undefined)
  }

  return {
    async load(signal) {
      newest ??= findKept()
      const kept = await newest.catch((error: unknown) => {
        // Read again the next time: without it nobody knows what is older.
        newest = undefined
        throw error
      })
      const { releaseManifestUrl } = await connection.discover(signal)
      if (releaseManifestUrl === undefined) return kept && listReleases(kept)
      const text = await connection.loadText(releaseManifestUrl, {
        activityId: randomUUID(),
        signal,
      })
      const manifest = await openManifest(text, key)
      const issuedAt = Date.parse(manifest.issuedDateTime)
      const keptAt = kept === undefined ? Number.NEGATIVE_INFINITY : Date.parse(kept.issuedDateTime)
      if (issuedAt < keptAt) throw bad('it is older than one that was seen before')
      if (issuedAt > keptAt) await store.save(text.trim())
      newest = Promise.resolve(manifest)
      return listReleases(manifest)
    },
  }
}

type Manifest = Awaited<ReturnType<typeof openManifest>>

function listReleases({ releases }: Manifest): readonly Release[] {
  return releases.map(({ version, releasedDateTime }) => ({
    version,
    releasedAt: new Date(releasedDateTime),
  }))
}

async function openManifest(text: string, key: KeyObject) {
  if (text.length > MAX_MANIFEST_BYTES) throw bad(`it is larger than ${MAX_MANIFEST_BYTES} bytes`)
  let payload: Uint8Array
  try {
    ;({ payload } = await compactVerify(text.trim(), key, { algorithms: ['EdDSA', 'Ed25519'] }))
  } catch {
    throw bad('it is not signed with management.openService.releaseKeyFile')
  }
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder().decode(payload))
  } catch {
    throw bad('it holds no JSON')
  }
  const parsed = releaseManifest.safeParse(json)
  if (parsed.success) return parsed.data
  throw bad('it is signed, but no list of releases')
}

function parseKey(pem: string): KeyObject {
  let key: KeyObject | undefined
  try {
    key = createPublicKey(pem)
  } catch {
    key = undefined
  }
  if (key?.asymmetricKeyType === 'ed25519') return key
  throw new ConnectorError(
    'config/invalid',
    'management.openService.releaseKeyFile: no Ed25519 public key in PEM; get it from who makes the releases',
  )
}

function bad(problem: string): ConnectorError {
  return new ConnectorError('management/bad-response', `the release manifest: ${problem}`)
}
