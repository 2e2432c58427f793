import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPrivateKey, hash, randomBytes, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { CaBackend, CertificateStatus } from '../../../src/ca/index.ts'
import { createPkcsRecrypt } from '../../../src/connector/index.ts'
import { encodeEscrow } from '../../../src/connector/pkcs/escrow.ts'
import type { WorkVerdict } from '../../../src/connector/work/work-handler.ts'
import { ConnectorError } from '../../../src/kernel/index.ts'
import type { PkcsRecryptRequest } from '../../../src/management/index.ts'
import { encodePfx, findIdentity, generatePfxPassword, openPfx } from '../../../src/pfx/index.ts'
import { openContent, parseCertificate, sealContent } from '../../../src/pki/index.ts'
import { createMemoryStore } from '../../support/memory-store.ts'
import { DEVICE_ID, recipientOf } from '../../support/pkcs-samples.ts'
import { recordedJournal } from '../../support/recorded-journal.ts'
import { sampleIntent, sampleIssued } from '../../support/store-samples.ts'
import { createFolder, openssl } from '../ca/ca-fixtures.ts'
import { makeIdentity } from '../pfx/pfx-fixtures.ts'

const folder = createFolder()
after(() => folder[Symbol.dispose]())
const p256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
const read = (name: string): string => readFileSync(join(folder.path, name), 'utf8')
const der = (name: string): Uint8Array =>
  new Uint8Array(new X509Certificate(read(`${name}.crt`)).raw)
const keyOf = (name: string) => createPrivateKey(read(`${name}.key`))

function issue(name: string, issuer: string, subject: string): void {
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`]
  openssl(folder.path, 'req', '-new', ...key, '-out', `${name}.csr`, '-subj', `/CN=${subject}`)
  const signed = ['-CA', `${issuer}.crt`, '-CAkey', `${issuer}.key`, '-CAcreateserial']
  const words = ['x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, '-days', '30']
  openssl(folder.path, ...words, ...signed)
}
for (const name of ['mdm', 'fleet', 'alice']) makeIdentity(folder.path, name, { key: p256 })
issue('device', 'mdm', DEVICE_ID)
issue('old', 'mdm', DEVICE_ID)
const OTHER_DEVICE_ID = 'bbbbbbbb-0000-4000-8000-00000000000b'
issue('other', 'mdm', OTHER_DEVICE_ID)
issue('connector', 'fleet', 'connector')
issue('before', 'fleet', 'connector')
issue('another', 'fleet', 'another')

const content = {
  keyDer: new Uint8Array(keyOf('alice').export({ type: 'pkcs8', format: 'der' })),
  certificateDer: der('alice'),
  chain: [],
  deviceId: DEVICE_ID,
}
const thumbprintHex = hash('sha1', der('alice'), 'hex')
const copyFor = (...names: string[]): Uint8Array =>
  sealContent(
    encodeEscrow(content),
    names.map((name) => parseCertificate(der(name))),
    'strong',
    randomBytes,
  )
const identityOf = (name: string) => ({
  key: keyOf(name),
  certificate: parseCertificate(der(name)),
})

const request: PkcsRecryptRequest = {
  requestId: '1d0e1c9a-3c7a-4f6e-8d3b-1a5f0b1c2d3e',
  tenantId: undefined,
  deviceId: DEVICE_ID,
  userId: undefined,
  profileId: 'cccccccc-0000-4000-8000-000000000003',
  platform: 'windows10AndLater',
  thumbprintHex,
  deviceKeyThumbprintHex: recipientOf(der('device')).thumbprintHex,
  sourceType: 'pkcs',
  escrowPayload: copyFor('another', 'connector'),
  payload: { protection: 'passwordCms', pfxEncryption: 'aes256', includeChain: true },
  recipients: [recipientOf(der('device'))],
  escrowRecipients: [],
}

const store = createMemoryStore()

/** The CA of a certificate in the folder. */
function caThatSays(name: string, status: CertificateStatus | Error): CaBackend {
  return {
    chain: async () => [der(name)],
    async findStatus(serialHex: string) {
      assert.equal(serialHex, parseCertificate(der('alice')).serialHex)
      if (status instanceof Error) throw status
      return status
    },
  } as unknown as CaBackend
}

async function carryOut(
  change: Partial<PkcsRecryptRequest> = {},
  more: {
    readonly isLastAttempt?: boolean
    readonly failure?: Error
    readonly status?: CertificateStatus | Error
  } = {},
) {
  const { journal, eventIds, records } = recordedJournal()
  const handler = createPkcsRecrypt({
    identities: async () => {
      if (more.failure !== undefined) throw more.failure
      return [identityOf('connector'), identityOf('before')]
    },
    certificates: store.certificates,
    authorities: () => [caThatSays('fleet', 'revoked'), caThatSays('alice', more.status ?? 'good')],
    recipients: { deviceIssuers: [parseCertificate(der('mdm'))], minProfile: 'standard' },
    fleetIssuer: () => parseCertificate(der('fleet')),
    pfx: {
      generatePassword: () => generatePfxPassword(randomBytes),
      encode: (packed, password, encryption) =>
        encodePfx(packed, password, encryption, randomBytes, 10),
    },
    random: randomBytes,
    parallel: 4,
    clock: { now: () => new Date() },
  })
  const verdict = await handler.carryOut({
    request: { ...request, ...change },
    requestContext: 'context-1',
    isLastAttempt: more.isLastAttempt ?? false,
    progress: undefined,
    keep: async () => undefined,
    log: journal,
    signal: AbortSignal.timeout(60_000),
  })
  return { verdict, eventIds: eventIds(), text: JSON.stringify(records) }
}

function valueOf({ end }: WorkVerdict<'pkcsRecrypt'>) {
  assert.ok(end.succeeded, JSON.stringify(end))
  return end.value
}

function openAs(name: string, cms: Uint8Array | undefined): string {
  writeFileSync(join(folder.path, 'cms'), cms ?? new Uint8Array())
  const words = ['cms', '-decrypt', '-inform', 'DER', '-binary', '-in', 'cms']
  return execFileSync('openssl', [...words, '-recip', `${name}.crt`, '-inkey', `${name}.key`], {
    cwd: folder.path,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}

test('events 1250, 1251: the device opens the same key under a new password, its old key does not', async () => {
  const first = await carryOut()
  assert.deepEqual(first.eventIds, [1251, 1250])
  const { payload } = valueOf(first.verdict)
  const password = openAs('device', payload?.encryptedPfxPassword)
  const { certificate } = findIdentity(
    openPfx(payload?.encryptedPfxBlob ?? new Uint8Array(), password),
  )
  assert.deepEqual(new Uint8Array(certificate.raw), der('alice'))
  assert.throws(() => openAs('old', payload?.encryptedPfxPassword))
  const again = valueOf((await carryOut()).verdict)
  assert.notEqual(openAs('device', again.payload?.encryptedPfxPassword), password)
  assert.ok(!first.text.includes(password))
})

test('event 1253: a copy that was made for one device is not sealed for another, whoever asks', async () => {
  const other = recipientOf(der('other'))
  const { verdict, eventIds } = await carryOut({
    deviceId: OTHER_DEVICE_ID,
    recipients: [other],
    deviceKeyThumbprintHex: other.thumbprintHex,
  })
  assert.deepEqual(eventIds, [1251, 1253])
  assert.ok(!verdict.end.succeeded)
  assert.equal(verdict.end.errorCode, 'CryptographyError')
  assert.match(verdict.end.errorMessage, /of another device/)
  valueOf((await carryOut({ deviceId: DEVICE_ID.toUpperCase() })).verdict)
})

test('a copy for a certificate of before a renewal opens as well', async () => {
  valueOf((await carryOut({ escrowPayload: copyFor('before') })).verdict)
})

test('without a device the copies alone are made, for connectors of the fleet', async () => {
  const { verdict } = await carryOut({
    recipients: [],
    escrowRecipients: [recipientOf(der('another'))],
  })
  const value = valueOf(verdict)
  assert.equal(value.payload, undefined)
  const opened = openContent(value.escrowPayload ?? new Uint8Array(), identityOf('another'))
  assert.deepEqual(opened, encodeEscrow(content))
})

for (const [title, change, code, ids, pattern] of [
  ['no copy', { escrowPayload: undefined }, 'NotSupportedError', [1252], /new certificate/],
  [
    'a copy for other connectors goes to one of them',
    { escrowPayload: copyFor('another') },
    'RetryableServiceException',
    [1252],
    /not for this connector/,
  ],
  ['no CMS', { escrowPayload: Uint8Array.of(0x30, 0) }, 'CryptographyError', [1252], /pki/],
  [
    'a changed copy',
    { escrowPayload: copyFor('connector').fill(1, -4) },
    'CryptographyError',
    [1252],
    /./,
  ],
  [
    'a copy that holds something else',
    {
      escrowPayload: sealContent(
        Uint8Array.of(0x30, 0),
        [parseCertificate(der('connector'))],
        'strong',
        randomBytes,
      ),
    },
    'CryptographyError',
    [1252],
    /./,
  ],
  ['an imported PFX', { sourceType: 'import' }, 'NotSupportedError', [1252], /imported/],
  [
    'the copy of another certificate',
    { thumbprintHex: '0'.repeat(40) },
    'CryptographyError',
    [1251, 1253],
    /another certificate/,
  ],
  [
    'another device key than the item names',
    { deviceKeyThumbprintHex: '0'.repeat(40) },
    'CryptographyError',
    [1253],
    /device key/,
  ],
  ['nobody', { recipients: [] }, 'ParameterDataInvalidError', [1253], /nobody/],
  [
    'a device of an issuer that is not trusted',
    { recipients: [recipientOf(der('another'))] },
    'CryptographyError',
    [1253],
    /no issuer/,
  ],
] as const)
  test(`events 1252, 1253: ${title}`, async () => {
    const { verdict, eventIds } = await carryOut(change as Partial<PkcsRecryptRequest>)
    assert.ok(!verdict.end.succeeded)
    assert.equal(verdict.end.errorCode, code)
    assert.match(verdict.end.errorMessage, pattern)
    assert.equal(verdict.isPassing, false)
    assert.deepEqual(eventIds, ids)
  })

test('a key that cannot be read now is tried again, and told at the last attempt', async () => {
  const failure = new ConnectorError('key/unreadable', 'the disk is away')
  const first = await carryOut({}, { failure })
  assert.equal(first.verdict.isPassing, true)
  assert.deepEqual(first.eventIds, [])
  const last = await carryOut({}, { failure, isLastAttempt: true })
  assert.deepEqual(last.eventIds, [1252])
})

test('event 1253: what its CA says is revoked is never sealed again', async () => {
  const { verdict, eventIds } = await carryOut({}, { status: 'revoked' })
  assert.ok(!verdict.end.succeeded)
  assert.equal(verdict.end.errorCode, 'ConflictError')
  assert.deepEqual(eventIds, [1251, 1253])
})

test('event 1253: what neither the CA nor the register knows goes to a connector that does, but copies for connectors are made', async () => {
  const { verdict, eventIds } = await carryOut({}, { status: 'unknown' })
  assert.ok(!verdict.end.succeeded)
  assert.equal(verdict.end.errorCode, 'RetryableServiceException')
  assert.equal(verdict.isPassing, false)
  assert.deepEqual(eventIds, [1251, 1253])
  const escrowRecipients = [recipientOf(der('another'))]
  const copies = { recipients: [], escrowRecipients }
  assert.ok((await carryOut(copies, { status: 'unknown' })).verdict.end.succeeded)
  const refused = (await carryOut(copies, { status: 'revoked' })).verdict
  assert.ok(!refused.end.succeeded)
})

test('a CA that is away says nothing: tried again, and nothing is sealed', async () => {
  const status = new ConnectorError('ca/unavailable', 'away', { isTransient: true })
  const { verdict, eventIds } = await carryOut({}, { status })
  assert.equal(verdict.isPassing, true)
  assert.deepEqual(eventIds, [1251])
})

test('a certificate that is revoked is never sealed again', async () => {
  const intent = sampleIntent()
  const certificateDer = der('alice')
  const issued = {
    ...sampleIssued(intent, { certificateDer }),
    thumbprintHex: thumbprintHex.toUpperCase(),
  }
  await store.certificates.complete(intent, issued, undefined)
  valueOf((await carryOut({}, { status: 'unknown' })).verdict)
  assert.ok(!(await carryOut({}, { status: 'revoked' })).verdict.end.succeeded)
  await store.certificates.revoke(intent.caId, issued.serialHex, 1, new Date())
  const { verdict, eventIds } = await carryOut()
  assert.ok(!verdict.end.succeeded)
  assert.equal(verdict.end.errorCode, 'ConflictError')
  assert.deepEqual(eventIds, [1251, 1253])
})
