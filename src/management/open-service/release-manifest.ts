import { createPublicKey, type KeyObject, randomUUID } from 'node:crypto'
import { compactVerify } from 'jose'
import { ConnectorError } from '../../kernel/index.ts'
import type { ServiceConnection } from './connection.ts'
import type { Release } from './support-status.ts'
import { MAX_MANIFEST_BYTES, releaseManifest } from './wire/releases.ts'

/** Reads the releases that the pinned key signed. */
export interface ReleaseManifest {
  /**
   * @returns undefined where the service names no manifest
   * @throws ConnectorError `management/bad-response` not signed by the pinned key, not a manifest, or older than one seen before
   * @throws ConnectorError as `ServiceConnection.loadText`
   */
  load(signal: AbortSignal): Promise<readonly Release[] | undefined>
}

/**
 * Fetches through the service and trusts only the key: whoever holds the service cannot invent a release. One older than
 * what was seen since the start is refused, so that nobody can hide a successor again.
 *
 * @param releaseKeyPem Ed25519, SPKI
 * @throws ConnectorError `config/invalid` it is no such key
 * @see RFC 7515, RFC 8037
 */
export function createReleaseManifest(
  connection: ServiceConnection,
  releaseKeyPem: string,
): ReleaseManifest {
  const key = parseKey(releaseKeyPem)
  let newest = 0
  return {
    async load(signal) {
      const { releaseManifestUrl } = await connection.discover(signal)
      if (releaseManifestUrl === undefined) return undefined
      const text = await connection.loadText(releaseManifestUrl, {
        activityId: randomUUID(),
        signal,
      })
      const { issuedDateTime, releases } = await openManifest(text, key)
      const issuedAt = Date.parse(issuedDateTime)
      if (issuedAt < newest) throw bad('it is older than one that was seen before')
      newest = issuedAt
      return releases.map(({ version, releasedDateTime }) => ({
        version,
        releasedAt: new Date(releasedDateTime),
      }))
    },
  }
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
