import assert from 'node:assert/strict'
import {
  constants,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  publicEncrypt,
  randomBytes,
} from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Secret } from '../../src/kernel/index.ts'
import { DEFAULT_PROVIDER, openKeyRing } from '../../src/keys/index.ts'
import { findIdentity, openPfx } from '../../src/pfx/index.ts'
import type { CommandResult } from '../cli/command-run.ts'
import { makeIdentity, makePfx } from '../unit/pfx/pfx-fixtures.ts'
import type { Payload, Queued } from './queued-work.ts'

/** A connector service, a connector that serves its queues, and somebody who notes every secret of both. */
export interface MarkedPlace {
  /** For what an administrator has in the clear. */
  readonly secretsFolder: string
  readonly dataDir: string
  readonly passphrase: string
  /** A control call of the simulator. */
  control<T>(method: string, path: string, body?: object): Promise<T>
  /** A command of the connector's configuration. */
  command(...words: readonly string[]): Promise<CommandResult>
  remember(name: string, secret: string | KeyObject): void
}

const user = 'alice@corp.example'
const keyName = 'PFXEncryptionKey'

/** A PFX of an administrator, recorded at the service by `import add`, as the service shows it to connectors. */
export interface RecordedImport {
  readonly ringKey: KeyObject
  readonly record: Readonly<Record<string, unknown>>
}

/** Makes a key for passwords and records a PFX; its password, its key and that key are marked. */
export async function recordMarkedImport(place: MarkedPlace): Promise<RecordedImport> {
  const { secretsFolder, dataDir, passphrase } = place
  const { code, err } = await place.command('keyring', 'add', keyName)
  assert.equal(code, 0, err)
  const ring = openKeyRing(join(dataDir, 'keyring'), new Secret(passphrase), randomBytes)
  const ringKey = await ring.find({ provider: DEFAULT_PROVIDER, key: keyName })
  assert.ok(ringKey)
  place.remember('key of the key ring', ringKey)

  const password = markPassword(place, 'password of an import')
  makeIdentity(secretsFolder, 'alice', { key: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] })
  place.remember(
    'key of an import',
    createPrivateKey(readFileSync(join(secretsFolder, 'alice.key'))),
  )
  const pfxFile = join(secretsFolder, 'alice.pfx')
  const passwordFile = join(secretsFolder, 'pfx-password')
  writeFileSync(pfxFile, makePfx(secretsFolder, 'alice', password))
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 })
  await place.control('PUT', 'directory', {
    userPrincipalName: user,
    onPremisesSecurityIdentifier: null,
  })
  const words = ['import', 'add', pfxFile, '--user', user, '--key', keyName, '--password-file']
  const wrongFile = join(secretsFolder, 'wrong-pfx-password')
  writeFileSync(wrongFile, markPassword(place, 'mistyped password of an import'), { mode: 0o600 })
  assert.notEqual((await place.command(...words, wrongFile)).code, 0)
  const added = await place.command(...words, passwordFile, '--at', 'open-service')
  assert.equal(added.code, 0, added.err)
  const { value } = await place.control<{ value: readonly RecordedImport['record'][] }>(
    'GET',
    'imports',
  )
  const [record] = value
  assert.ok(record)
  return { ringKey, record }
}

/** Orders the delivery of an import. */
export async function queueImport(
  place: MarkedPlace,
  { record }: RecordedImport,
  changes: object = {},
): Promise<Queued> {
  const order = { userPfxCertificate: { ...record, ...changes } }
  return await place.control('POST', 'work/pkcsImport', order)
}

/** Deliveries that fail with the password in hand, or over a wrong one; each waits for its result. */
export async function playFailingImports(
  place: MarkedPlace,
  recorded: RecordedImport,
): Promise<void> {
  const { record, ringKey } = recorded
  const wrong = Buffer.from(markPassword(place, 'wrong password of an import'))
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha512' }
  const key = createPublicKey(ringKey)
  const pfx = Buffer.from(String(record['encryptedPfxBlob']), 'base64')
  for (const changes of [
    { paddingScheme: 'oaepSha256' },
    { thumbprint: '0'.repeat(40) },
    { encryptedPfxPassword: publicEncrypt({ key, ...padding }, wrong).toString('base64') },
    { encryptedPfxBlob: pfx.subarray(0, pfx.length / 2).toString('base64') },
  ]) {
    const { requestContext } = await queueImport(place, recorded, changes)
    assert.match((await ended(place, 'pkcsImport', requestContext)).state, /failed/i)
  }
}

/** Orders a certificate with its key, and a copy for connectors. */
export async function queuePkcs(place: MarkedPlace): Promise<Queued> {
  const members = { keyAlgorithm: 'ec', keySize: 256, keyUsage: ['digitalSignature'] }
  return await place.control('POST', 'work/pkcs', { user: 'alice', escrow: true, members })
}

/** Waits for it and marks what its device finds: the password, and the key. */
export async function markPkcs(place: MarkedPlace, queued: Queued, name: string): Promise<Queued> {
  const done = await ended(place, 'pkcs', queued.requestContext)
  await markPayload(place, done, name)
  return done
}

/** Has an issued certificate sealed again, for a new key of its device, and marks the new password. */
export async function playRecrypt(place: MarkedPlace, issued: Queued): Promise<void> {
  const { deviceId, results } = issued
  const { thumbprint, escrowPayload } = results[0]?.result ?? {}
  await place.control('POST', 'devices', { deviceId })
  const { requestContext } = await place.control<Queued>('POST', 'work/pkcsRecrypt', {
    deviceId,
    thumbprint,
    escrowCms: (escrowPayload as { cms: string }).cms,
    escrow: true,
  })
  const done = await ended(place, 'pkcsRecrypt', requestContext)
  await markPayload(place, done, 'certificate that was sealed again')
}

async function markPayload(
  place: MarkedPlace,
  { deviceId, results }: Queued,
  name: string,
): Promise<void> {
  const result = results.at(-1)?.result ?? {}
  assert.equal(result['errorCode'], 'None', String(result['errorMessage']))
  const { encryptedPfxBlob, encryptedPfxPassword } = result['payload'] as Payload
  const { content } = await place.control<{ content: string }>('POST', `devices/${deviceId}/open`, {
    cms: encryptedPfxPassword,
  })
  const password = Buffer.from(content, 'base64').toString()
  place.remember(`password of the ${name}`, password)
  const opened = openPfx(Buffer.from(encryptedPfxBlob, 'base64'), password)
  place.remember(`key of the ${name}`, findIdentity(opened).key)
}

/** Waits until the service counts an item as ended. */
export async function ended(
  place: MarkedPlace,
  kind: string,
  requestContext: string,
): Promise<Queued> {
  for (const until = Date.now() + 60_000; ; ) {
    const { value } = await place.control<{ value: readonly Queued[] }>('GET', `work/${kind}`)
    const found = value.find((one) => one.requestContext === requestContext)
    if (found !== undefined && /succeeded|failed/i.test(found.state)) return found
    assert.ok(Date.now() < until, `no result of ${kind} within a minute`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function markPassword(place: MarkedPlace, name: string): string {
  const password = `marked-pfx-${randomBytes(18).toString('hex')}`
  place.remember(name, password)
  return password
}
