import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  createPublicKey,
  generateKeyPairSync,
  hash,
  randomBytes,
  X509Certificate,
} from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Configuration } from '../../src/config/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { DEFAULT_PROVIDER, encodeCngBlob, openKeyRing, parseCngBlob } from '../../src/keys/index.ts'
import { type Simulator, startSimulator } from '../../src/simulator/index.ts'
import { withoutBatches } from '../support/item-story.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'
import { makeIdentity, makePfx, PASSWORD } from '../unit/pfx/pfx-fixtures.ts'

/** An item of the queue as the simulator shows it. */
interface Queued {
  readonly requestContext: string
  readonly state: string
  readonly deviceId: string
  readonly passedOver: readonly string[]
  readonly results: readonly { readonly result: Readonly<Record<string, unknown>> }[]
}

const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey

describe('an imported PFX goes to its device', () => {
  let folder: string
  let service: Simulator
  let stage: TestConnector
  let pfx: Uint8Array

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'import-delivery-'))
    service = await startSimulator({ dataDir: folder, httpsPort: 0, controlPort: 0 })
    const { caPem } = (await control('GET', 'devices')) as { caPem: string }
    write('issuers.pem', caPem)
    makeIdentity(folder, 'alice', { key: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] })
    pfx = makePfx(folder, 'alice', PASSWORD)
    stage = await startTestConnector(configured)
    const passphrase = readFileSync(join(stage.dataDir, 'passphrase'), 'utf8').trim()
    const ring = openKeyRing(join(stage.dataDir, 'keyring'), new Secret(passphrase), randomBytes)
    await ring.add({ provider: DEFAULT_PROVIDER, key: 'PFXEncryptionKey' }, key)
  })
  after(async () => {
    // What the stop finds wrong is what this file should fail with, not a simulator that keeps the process alive.
    try {
      await stage.remove()
    } finally {
      await service.close()
      await rm(folder, { recursive: true })
    }
  })

  const write = (name: string, content: string | Uint8Array): void =>
    writeFileSync(join(folder, name), content)

  function configured(configuration: Configuration): Configuration {
    const { intune: _, ...rest } = configuration
    return {
      ...rest,
      profiles: configuration.profiles.filter(({ challenge }) => challenge.kind === 'static'),
      simulator: { ...configuration.simulator, enabled: false },
      features: { ...configuration.features, revocation: false, pkcs: false, pkcsImport: true },
      pfxImport: { ...configuration.pfxImport, deviceIssuersFile: join(folder, 'issuers.pem') },
      management: {
        openService: {
          url: service.httpsUrl,
          enrolmentToken: new Secret(service.enrolmentToken),
          caFile: join(folder, 'simulator-ca.pem'),
          timeouts: { connectMs: 2000, readMs: 5000 },
        },
      },
    }
  }

  async function control(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${service.controlUrl}/control/${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }

  /** As an administrator without this program: the exported key as a CNG blob, and openssl. */
  function sealWithOpenssl(digest: string): string {
    const exported = parseCngBlob(encodeCngBlob(key, 'public')).key
    write('pub.pem', exported.export({ format: 'pem', type: 'spki' }))
    write('password', PASSWORD)
    const options = ['rsa_padding_mode:oaep', `rsa_oaep_md:${digest}`, `rsa_mgf1_md:${digest}`]
    const words = ['pkeyutl', '-encrypt', '-pubin', '-inkey', 'pub.pem', '-in', 'password']
    return execFileSync('openssl', [...words, ...options.flatMap((one) => ['-pkeyopt', one])], {
      cwd: folder,
    }).toString('base64')
  }

  async function queue(changes: object = {}): Promise<Queued> {
    const { raw, validFromDate, validToDate } = new X509Certificate(
      readFileSync(join(folder, 'alice.crt')),
    )
    const thumbprint = hash('sha1', raw, 'hex')
    const userPfxCertificate = {
      id: `${'b'.repeat(32)}-${thumbprint}`,
      thumbprint,
      intendedPurpose: 'smimeEncryption',
      userPrincipalName: 'user1@corp.example',
      providerName: DEFAULT_PROVIDER,
      keyName: 'PFXEncryptionKey',
      paddingScheme: 'oaepSha512',
      startDateTime: validFromDate.toISOString(),
      expirationDateTime: validToDate.toISOString(),
      encryptedPfxBlob: Buffer.from(pfx).toString('base64'),
      encryptedPfxPassword: sealWithOpenssl('sha512'),
      ...changes,
    }
    return (await control('POST', 'work/pkcsImport', { userPfxCertificate })) as Queued
  }

  async function closed(requestContext: string): Promise<Queued> {
    for (const until = Date.now() + 30_000; Date.now() < until; ) {
      const { value } = (await control('GET', 'work/pkcsImport')) as { value: Queued[] }
      const found = value.find((one) => one.requestContext === requestContext)
      if (found !== undefined && /succeeded|failed/i.test(found.state)) return found
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error('no result within 30 seconds')
  }

  test('the service knows the key ring: names and hashes of public keys', async () => {
    interface Known {
      readonly keyRing: readonly object[]
    }
    const load = async (): Promise<readonly object[]> =>
      ((await control('GET', 'connectors')) as { value: readonly Known[] }).value[0]?.keyRing ?? []
    await stage.stop()
    stage = await startTestConnector(configured, stage.dataDir)
    await stage.waitForEvents({ id: 5000 }, (found) => found.length > 1)
    const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
    assert.deepEqual(await load(), [
      {
        providerName: DEFAULT_PROVIDER,
        keyName: 'PFXEncryptionKey',
        spkiSha256: hash('sha256', spki, 'hex'),
      },
    ])
  })

  test('events 2000, 2020, 2050, 2100, 2102, 2202: the device opens the password that openssl sealed for us, and the events tell the story', async () => {
    const { requestContext, deviceId } = await queue()
    const { state, results } = await closed(requestContext)
    assert.match(state, /succeeded/i)
    const cms = String(results[0]?.result['encryptedPfxPassword'])
    const opened = (await control('POST', `devices/${deviceId}/open`, { cms })) as {
      content: string
    }
    assert.equal(Buffer.from(opened.content, 'base64').toString(), PASSWORD)
    const [admin] = await stage.waitForEvents({ id: 2000 }, (found) => found.length === 1)
    const { transactionId } = admin ?? {}
    assert.ok(transactionId)
    const story = await stage.events({ transactionId })
    assert.deepEqual(
      withoutBatches(story)
        .map(({ eventId }) => eventId)
        .toSorted((a, b) => a - b),
      [2000, 2020, 2050, 2102],
    )
    assert.ok((await stage.events({ id: 2202 })).length > 0)
    assert.ok((await stage.events({ id: 2100 })).length > 0)
  })

  test('events 2001, 2052: a password sealed with another padding ends with 2052 and 2001, once, and CryptographyError', async () => {
    const { requestContext } = await queue({ encryptedPfxPassword: sealWithOpenssl('sha256') })
    const { state, results } = await closed(requestContext)
    assert.match(state, /failed/i)
    assert.deepEqual(
      results.map(({ result }) => result['errorCode']),
      ['CryptographyError'],
    )
    const [admin] = await stage.waitForEvents({ id: 2001 }, (found) => found.length === 1)
    const story = await stage.events({ transactionId: admin?.transactionId ?? '' })
    assert.deepEqual(
      withoutBatches(story)
        .map(({ eventId }) => eventId)
        .toSorted((a, b) => a - b),
      [2001, 2020, 2052, 2102],
    )
  })

  test('event 2101: a result that cannot be uploaded now', async () => {
    await control('POST', 'faults', { hop: 'ocs-upload', fault: '503', times: 1 })
    await queue()
    const [failed] = await stage.waitForEvents({ id: 2101 }, (found) => found.length === 1)
    assert.equal(failed?.httpStatus, 503)
  })

  test('event 2203: a download that fails', async () => {
    await control('POST', 'faults', { hop: 'ocs-download', fault: '500' })
    // Ends the download that waits for work; the next one meets the fault.
    await queue()
    const [failed] = await stage.waitForEvents({ id: 2203 }, (found) => found.length > 0)
    assert.equal(failed?.httpStatus, 500)
    await control('DELETE', 'faults')
  })

  test('event 53: a key that does not open is named by readyz, and what needs it goes to another connector', async () => {
    const [provider = ''] = await readdir(join(stage.dataDir, 'keyring'))
    const file = join(stage.dataDir, 'keyring', provider, 'broken.key')
    await stage.stop()
    await writeFile(file, 'rubbish', { mode: 0o600 })
    stage = await startTestConnector(configured, stage.dataDir)
    const [broken] = await stage.waitForEvents({ id: 53 }, (events) => events.length === 1)
    assert.equal(broken?.keyName, 'broken')
    // A probe does not wait for the test of slow keys, and what it said holds for a minute.
    for (const until = Date.now() + 90_000; ; ) {
      const answer = await fetch(`${stage.connector.adminUrl}/readyz`)
      assert.equal(answer.status, 200)
      const { checks } = (await answer.json()) as {
        checks: { name: string; status: string; reason: string }[]
      }
      const { status, reason } = checks.find(({ name }) => name === 'key ring') ?? {}
      const told = `${status}: ${reason}`
      if (/^degraded: key 'broken' of provider 'microsoft .*': key\/unreadable/.test(told)) break
      assert.ok(Date.now() < until, told)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    const refused = (await stage.events({ id: 2052 })).length
    const { requestContext } = await queue({ keyName: 'Broken' })
    for (const until = Date.now() + 10_000; ; ) {
      const { value } = (await control('GET', 'work/pkcsImport')) as { value: Queued[] }
      const item = value.find((one) => one.requestContext === requestContext)
      if ((item?.passedOver.length ?? 0) > 0) break
      assert.ok(Date.now() < until, 'it was not given back')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    assert.equal((await stage.events({ id: 2052 })).length, refused)
  })
})
