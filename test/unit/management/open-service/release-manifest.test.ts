import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { CompactSign } from 'jose'
import type { OpenService, SupportStatus } from '../../../../src/management/index.ts'
import { assertFailsWith } from '../../../support/assert-fails-with.ts'
import { type AgentMemory, openServiceClient } from '../../../support/open-service-client.ts'
import { json, type ScriptedHttps, startScriptedHttps } from '../../../support/scripted-https.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const releaseKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString()

/** The client is 1.4.0. */
const releases = [
  { version: '1.4.0', releasedDateTime: '2026-01-01T00:00:00Z' },
  { version: '1.5.0', releasedDateTime: '2026-02-01T00:00:00Z' },
]
const manifest = { issuedDateTime: '2026-02-01T00:00:00Z', releases }

async function sign(content: object, key: KeyObject = privateKey): Promise<string> {
  return await new CompactSign(new TextEncoder().encode(JSON.stringify(content)))
    .setProtectedHeader({ alg: 'EdDSA' })
    .sign(key)
}

const encode = (text: string): string => Buffer.from(text).toString('base64url')

describe('a list of releases', () => {
  let server: ScriptedHttps
  let client: OpenService
  before(async () => {
    server = await startScriptedHttps()
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
  })

  function open(
    manifestUrl: string | undefined,
    memory: AgentMemory = { keys: new Map(), record: undefined },
  ): OpenService {
    const base = `${server.url}/ocs`
    const limits = { maxRequests: 100, maxRevocationRequests: 500, maxBodyBytes: 8_388_608 }
    server.script(
      'other',
      json({
        service: 'open-connector-service',
        apiVersions: ['2025-01-01'],
        endpoints: { work: base, health: base, enrollment: base },
        limits: { ...limits, maxWaitSeconds: 30, minLeaseSeconds: 60, maxLeaseSeconds: 3600 },
        ...(manifestUrl === undefined ? {} : { releaseManifestUrl: manifestUrl }),
      }),
    )
    const place = { httpsUrl: server.url, caPem: server.caPem, enrolmentToken: 'none' }
    client = openServiceClient({ ...place, releaseKeyPem }, {}, memory, {
      now: () => new Date('2026-03-01T00:00:00Z'),
    })
    return client
  }

  async function load(...bodies: readonly string[]): Promise<SupportStatus | undefined> {
    open(`${server.url}/releases.jws`)
    let support: SupportStatus | undefined
    try {
      for (const body of bodies) {
        server.script('other', { body })
        support = await client.loadSupport(AbortSignal.timeout(10_000))
      }
    } finally {
      await client.close()
    }
    return support
  }

  test('that the pinned key signed says that a successor is there', async () => {
    const support = await load(await sign(manifest))
    assert.equal(support?.status, 'deprecated')
    assert.equal(support?.latest, '1.5.0')
  })

  const stranger = generateKeyPairSync('ed25519').privateKey
  const payload = encode(JSON.stringify(manifest))
  for (const [title, forge] of [
    ['is signed with another key', async () => await sign(manifest, stranger)],
    ['is not signed: alg none', async () => `${encode('{"alg":"none"}')}.${payload}.`],
    [
      'is authenticated with the public key as a shared secret',
      async () => {
        const text = `${encode('{"alg":"HS256"}')}.${payload}`
        return `${text}.${createHmac('sha256', releaseKeyPem).update(text).digest('base64url')}`
      },
    ],
    [
      'was changed after it was signed',
      async () => {
        const [header, , signature] = (await sign({ ...manifest, releases: [] })).split('.')
        return `${header}.${payload}.${signature}`
      },
    ],
    ['is JSON without a signature', async () => JSON.stringify(manifest)],
    ['has no release', async () => await sign({ ...manifest, releases: [] })],
    ['is larger than 256 KiB', async () => 'x'.repeat(300_000)],
  ] as const)
    test(`that ${title} is refused`, async () => {
      await assertFailsWith(load(await forge()), 'management/bad-response')
    })

  test('that is older than one seen before is refused: nobody hides a successor again', async () => {
    const older = { issuedDateTime: '2026-01-15T00:00:00Z', releases: releases.slice(0, 1) }
    await assertFailsWith(load(await sign(manifest), await sign(older)), 'management/bad-response')
    assert.equal((await load(await sign(manifest), await sign(manifest)))?.status, 'deprecated')
  })

  /** One run of a connector, which remembers. */
  async function runWith(memory: AgentMemory, body: string | undefined) {
    open(body === undefined ? undefined : `${server.url}/releases.jws`, memory)
    if (body !== undefined) server.script('other', { body })
    try {
      return await client.loadSupport(AbortSignal.timeout(10_000))
    } finally {
      await client.close()
    }
  }

  test('that is older than one seen before a restart is refused as well, and the newest counts where none is named any more', async () => {
    const older = await sign({ ...manifest, issuedDateTime: '2026-01-15T00:00:00Z' })
    const memory: AgentMemory = { keys: new Map(), record: undefined }
    assert.equal(await runWith(memory, undefined), undefined)
    await runWith(memory, await sign(manifest))
    await assertFailsWith(runWith(memory, older), 'management/bad-response')
    assert.equal((await runWith(memory, undefined))?.latest, '1.5.0')
    const next = [...releases, { version: '1.6.0', releasedDateTime: '2026-02-20T00:00:00Z' }]
    const newer = await sign({ issuedDateTime: '2026-02-20T00:00:00Z', releases: next })
    assert.equal((await runWith(memory, newer))?.latest, '1.6.0')
    await assertFailsWith(runWith(memory, await sign(manifest)), 'management/bad-response')
  })

  test('what is kept counts only while the key that signed it does', async () => {
    const memory: AgentMemory = { keys: new Map(), record: undefined }
    memory.releases = await sign({ ...manifest, issuedDateTime: '2026-02-25T00:00:00Z' }, stranger)
    assert.equal(await runWith(memory, undefined), undefined)
    assert.equal((await runWith(memory, await sign(manifest)))?.latest, '1.5.0')
  })

  test('at another origin is not fetched', async () => {
    open('https://198.51.100.1/releases.jws')
    const before = server.calls.length
    await assertFailsWith(
      client.loadSupport(AbortSignal.timeout(10_000)),
      'management/bad-response',
    )
    assert.equal(server.calls.length, before + 1)
    await client.close()
  })
})
