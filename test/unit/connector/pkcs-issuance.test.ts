import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createKeyPairs, createPkcsIssuance } from '../../../src/connector/index.ts'
import { createPayloadCipher } from '../../../src/connector/pkcs/payload-cipher.ts'
import type { WorkTask, WorkVerdict } from '../../../src/connector/work/work-handler.ts'
import { ConnectorError } from '../../../src/kernel/index.ts'
import type { PkcsRequest } from '../../../src/management/index.ts'
import { encodePfx, findIdentity, generatePfxPassword, openPfx } from '../../../src/pfx/index.ts'
import { parseCertificate } from '../../../src/pki/index.ts'
import { createMemoryStore } from '../../support/memory-store.ts'
import {
  createSigningCa,
  DEVICE_ID,
  recipientOf,
  sampleRequest,
  sampleTemplate,
} from '../../support/pkcs-samples.ts'
import { recordedJournal } from '../../support/recorded-journal.ts'
import { createFolder, openssl } from '../ca/ca-fixtures.ts'
import { makeIdentity } from '../pfx/pfx-fixtures.ts'

const folder = createFolder()
after(() => folder[Symbol.dispose]())
const p256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
const der = (name: string): Uint8Array =>
  new Uint8Array(new X509Certificate(readFileSync(join(folder.path, `${name}.crt`))).raw)

/** Certificates of devices and connectors, with their issuer. */
function issue(name: string, issuer: string, subject: string): void {
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`]
  openssl(folder.path, 'req', '-new', ...key, '-out', `${name}.csr`, '-subj', `/CN=${subject}`)
  const signed = ['-CA', `${issuer}.crt`, '-CAkey', `${issuer}.key`, '-CAcreateserial']
  const words = ['x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, '-days', '30']
  openssl(folder.path, ...words, ...signed)
}
makeIdentity(folder.path, 'mdm', { key: p256 })
makeIdentity(folder.path, 'fleet', { key: p256 })
issue('device', 'mdm', DEVICE_ID)
issue('connector', 'fleet', 'connector')
issue('stranger', 'mdm', 'stranger')

const cipher = createPayloadCipher(randomBytes(32))

/** One item, its journal, and what stays of it when an attempt dies. */
async function stage(
  change: Partial<PkcsRequest> = {},
  kind = 'embedded',
  contextBindingOid?: string,
) {
  const store = createMemoryStore()
  const signing = await createSigningCa(kind)
  const { journal, records, eventIds } = recordedJournal()
  const kept: Uint8Array[] = []
  let keepFails: Error | undefined
  let ahead = 0
  const handler = createPkcsIssuance({
    templates: [sampleTemplate],
    authorities: {
      current: (id) => (id === 'default' ? signing.ca : undefined),
      find: (id) => (id === 'default' ? signing.ca : undefined),
    },
    certificates: store.certificates,
    keyPairs: createKeyPairs(0),
    recipients: { deviceIssuers: [parseCertificate(der('mdm'))], minProfile: 'standard' },
    fleetIssuer: () => parseCertificate(der('fleet')),
    pfx: {
      generatePassword: () => generatePfxPassword(randomBytes),
      encode: (content, password, encryption) =>
        encodePfx(content, password, encryption, randomBytes, 10),
    },
    random: randomBytes,
    contextBindingOid,
    parallel: 4,
    clock: { now: () => new Date(Date.now() + ahead) },
    holder: 'test',
  })
  const request = sampleRequest({ recipients: [recipientOf(der('device'))], ...change })
  return {
    store,
    signing,
    handler,
    records,
    eventIds,
    kept,
    request,
    cipher,
    advance(days: number) {
      ahead += days * 86_400_000
    },
    failKeep(error: Error) {
      keepFails = error
    },
    async takeBack() {
      const last = kept.at(-1)
      const progress = last === undefined ? undefined : cipher.open(last)
      await handler.takeBack?.({ request, progress, reason: 'nobody gets it', log: journal })
    },
    async carryOut(
      more: Partial<Pick<WorkTask<'pkcs'>, 'isLastAttempt' | 'request' | 'progress'>> = {},
    ): Promise<WorkVerdict<'pkcs'>> {
      const last = kept.at(-1)
      const task: WorkTask<'pkcs'> = {
        request,
        requestContext: 'context-1',
        isLastAttempt: false,
        progress: last === undefined ? undefined : cipher.open(last),
        keep: async (progress) => {
          if (keepFails !== undefined) throw keepFails
          kept.push(cipher.seal(progress))
        },
        log: journal,
        signal: AbortSignal.timeout(60_000),
        ...more,
      }
      return await handler.carryOut(task)
    },
  }
}

function valueOf({ end }: WorkVerdict<'pkcs'>) {
  assert.ok(end.succeeded, JSON.stringify(end))
  return end.value
}

function failureOf({ end }: WorkVerdict<'pkcs'>) {
  assert.ok(!end.succeeded)
  return end
}

function openAs(name: string, cms: Uint8Array): string {
  writeFileSync(join(folder.path, 'cms'), cms)
  const words = ['cms', '-decrypt', '-inform', 'DER', '-binary', '-in', 'cms']
  return execFileSync('openssl', [...words, '-recip', `${name}.crt`, '-inkey', `${name}.key`], {
    cwd: folder.path,
    encoding: 'latin1',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}

test('event 1050: the device opens password and PFX; the register has the certificate', async () => {
  const on = await stage()
  const value = valueOf(await on.carryOut())
  assert.deepEqual(on.eventIds(), [1050])
  const password = openAs('device', value.payload.encryptedPfxPassword ?? new Uint8Array())
  const { certificate, others } = findIdentity(openPfx(value.payload.encryptedPfxBlob, password))
  assert.deepEqual(new Uint8Array(certificate.raw), value.certificateDer)
  assert.equal(others.length, 2)
  const record = await on.store.certificates.findBySerial('default', value.serialHex)
  assert.equal(record?.state, 'issued')
  assert.equal(value.escrowPayload, undefined)
  assert.ok(!JSON.stringify(on.records).includes(password))
})

test('3DES and no chain where the item wants that; the whole PFX in CMS where it wants that', async () => {
  const payload = {
    protection: 'payloadCms',
    pfxEncryption: 'tripleDes',
    includeChain: false,
  } as const
  const on = await stage({ payload })
  const { payload: sealed } = valueOf(await on.carryOut())
  const password = openAs('device', sealed.encryptedPfxPassword ?? new Uint8Array())
  const pfx = Buffer.from(openAs('device', sealed.encryptedPfxBlob), 'latin1')
  assert.equal(findIdentity(openPfx(pfx, password)).others.length, 0)
})

test('a crash after the CA has signed: the next attempt gives the same certificate and key', async () => {
  const on = await stage()
  on.signing.hooks.after = () => {
    throw new Error('killed')
  }
  await assert.rejects(on.carryOut(), /killed/)
  assert.equal(on.signing.signed.size, 1)
  on.signing.hooks.after = () => undefined
  const value = valueOf(await on.carryOut())
  assert.equal(on.signing.signed.size, 1)
  assert.deepEqual(value.certificateDer, [...on.signing.signed.values()][0])
})

test('a crash after the certificate was kept: the CA is not asked again', async () => {
  const on = await stage()
  const first = valueOf(await on.carryOut())
  on.signing.hooks.before = () => assert.fail('asked again')
  const second = valueOf(await on.carryOut())
  assert.deepEqual(second.certificateDer, first.certificateDer)
  assert.notDeepEqual(second.payload.encryptedPfxBlob, first.payload.encryptedPfxBlob)
})

test('a crash before the intent is written down: nothing was signed or reserved', async () => {
  const on = await stage()
  on.failKeep(new Error('killed'))
  await assert.rejects(on.carryOut(), /killed/)
  assert.equal(on.signing.signed.size, 0)
  assert.equal((await on.store.certificates.count()).reserved, 0)
})

test('the key that is kept with the item is encrypted', async () => {
  const on = await stage()
  const value = valueOf(await on.carryOut())
  const password = openAs('device', value.payload.encryptedPfxPassword ?? new Uint8Array())
  const { key } = findIdentity(openPfx(value.payload.encryptedPfxBlob, password))
  const octets = key.export({ type: 'pkcs8', format: 'der' }).subarray(40, 60)
  for (const kept of on.kept) assert.ok(!Buffer.from(kept).includes(octets))
})

test('an item that comes again after its certificate was taken back gets a new one: 61', async () => {
  const on = await stage()
  const first = valueOf(await on.carryOut())
  await on.takeBack()
  assert.deepEqual(on.signing.revoked, [first.serialHex])
  assert.deepEqual(on.eventIds(), [1050, 61])
  await on.store.certificates.revoke('default', first.serialHex, 4, new Date())
  const second = valueOf(await on.carryOut())
  assert.notEqual(second.serialHex, first.serialHex)
})

test('taken back before the CA was asked: nothing is revoked, and the intent is closed', async () => {
  const on = await stage()
  on.signing.hooks.before = () => {
    throw new ConnectorError('ca/unavailable', 'away', { isTransient: true })
  }
  await on.carryOut()
  await on.takeBack()
  assert.deepEqual(on.signing.revoked, [])
  const { reserved, abandoned } = await on.store.certificates.count()
  assert.deepEqual([reserved, abandoned], [0, 1])
  on.signing.hooks.before = () => undefined
  const { serialHex } = valueOf(await on.carryOut())
  assert.equal((await on.store.certificates.findBySerial('default', serialHex))?.state, 'issued')
})

test('taken back when the CA has signed and the register does not know: what the CA finds is revoked: 61', async () => {
  const on = await stage()
  on.signing.hooks.after = () => {
    throw new Error('killed')
  }
  await assert.rejects(on.carryOut(), /killed/)
  await on.takeBack()
  assert.deepEqual(on.signing.revoked, [...on.signing.signed.keys()])
  assert.deepEqual(on.eventIds(), [61])
})

test('taken back when the CA cannot say whether it signed: an administrator is told, 21', async () => {
  const on = await stage()
  on.signing.hooks.after = () => {
    throw new Error('killed')
  }
  await assert.rejects(on.carryOut(), /killed/)
  on.signing.hooks.find = () => {
    throw new ConnectorError('ca/unavailable', 'away', { isTransient: true })
  }
  await on.takeBack()
  assert.deepEqual(on.eventIds(), [21])
})

test('an item that comes again with other wishes gets another certificate, and the first is revoked', async () => {
  const on = await stage()
  const first = valueOf(await on.carryOut())
  const request = { ...on.request, subjectName: 'CN=bob,O=Corp' }
  const second = valueOf(await on.carryOut({ request }))
  assert.notEqual(second.serialHex, first.serialHex)
  assert.deepEqual(on.signing.revoked, [first.serialHex])
})

test('a certificate that is not as ordered is revoked, and nobody gets it: 61 and 1052', async () => {
  const on = await stage()
  on.signing.hooks.alter = (order) => ({
    ...order,
    certificate: { ...order.certificate, extensions: order.certificate.extensions.slice(1) },
  })
  const { errorCode } = failureOf(await on.carryOut())
  assert.equal(errorCode, 'NonRetryableServiceException')
  assert.equal(on.signing.revoked.length, 1)
  assert.deepEqual(on.eventIds(), [61, 1052])
})

test('events 1051, 1052: while the CA is away, and at the last attempt; then the service offers it again', async () => {
  const on = await stage()
  on.signing.hooks.before = () => {
    throw new ConnectorError('ca/unavailable', 'away', { isTransient: true })
  }
  const first = await on.carryOut()
  assert.equal(first.isPassing, true)
  const last = failureOf(await on.carryOut({ isLastAttempt: true }))
  assert.equal(last.errorCode, 'ServiceUnavailableException')
  assert.deepEqual(on.eventIds(), [1051, 1052])
  on.signing.hooks.before = () => undefined
  assert.ok((await on.carryOut()).end.succeeded)
})

test('event 1032: what is for DigiCert is said so, and done only by a CA that is DigiCert’s', async () => {
  const wish = { caProvider: 'digicert' }
  const refused = await stage(wish)
  assert.equal(failureOf(await refused.carryOut()).errorCode, 'NotSupportedError')
  assert.deepEqual(refused.eventIds(), [1032, 1052])
  const done = await stage(wish, 'digicert')
  valueOf(await done.carryOut())
  assert.deepEqual(done.eventIds(), [1032, 1050])
})

for (const [title, change, pattern] of [
  ['no receiver', { recipients: [] }, /no receiver/],
  [
    'two receivers',
    { recipients: [recipientOf(der('device')), recipientOf(der('device'))] },
    /2 receivers/,
  ],
  ['another device', { recipients: [recipientOf(der('stranger'))] }, /id of the device/],
  ['an issuer that is not trusted', { recipients: [recipientOf(der('connector'))] }, /no issuer/],
  [
    'an escrow recipient that is no connector',
    { escrowRecipients: [recipientOf(der('stranger'))] },
    /CA of the connectors/,
  ],
] as const)
  test(`event 1052: ${title}; no key, no certificate`, async () => {
    const on = await stage(change as Partial<PkcsRequest>)
    const { errorCode, errorMessage } = failureOf(await on.carryOut())
    assert.equal(errorCode, 'CryptographyError')
    assert.match(errorMessage, pattern)
    assert.deepEqual([on.kept.length, on.signing.signed.size], [0, 0])
    assert.deepEqual(on.eventIds(), [1052])
  })

test('a protection that is not done is refused before anything is issued', async () => {
  const payload = { protection: 'serviceCms', pfxEncryption: 'aes256', includeChain: true } as const
  const on = await stage({ payload })
  assert.equal(failureOf(await on.carryOut()).errorCode, 'NotSupportedError')
  assert.equal(on.signing.signed.size, 0)
})

/** A CA that lets the request of an item wait; what the service says when it offers the item again. */
async function waitingStage(change: Partial<PkcsRequest> = {}) {
  const on = await stage(change)
  on.signing.hooks.waits = { pollAfterMs: 3_600_000 }
  const { waitsFor } = await on.carryOut()
  assert.deepEqual(waitsFor, { caRequestId: '48213', retryAfterMs: 3_600_000 })
  return { ...on, again: { ...on.request, resumeCaRequestId: '48213' } }
}

test('event 66: a CA that lets a request wait is asked about it by its number, and signs for the same key', async () => {
  const on = await waitingStage()
  assert.equal((await on.carryOut({ request: on.again })).waitsFor?.caRequestId, '48213')
  delete on.signing.hooks.waits
  const value = valueOf(await on.carryOut({ request: on.again }))
  assert.equal(value.caRequestId, '48213')
  assert.deepEqual(on.signing.polled, ['48213', '48213'])
  assert.equal(on.signing.waiting.size, 1)
  const [order] = on.signing.waiting.values()
  const { publicKey } = new X509Certificate(value.certificateDer)
  assert.deepEqual(
    new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
    order?.certificate.spkiDer,
  )
  const password = openAs('device', value.payload.encryptedPfxPassword ?? new Uint8Array())
  const { key } = findIdentity(openPfx(value.payload.encryptedPfxBlob, password))
  assert.ok(new X509Certificate(value.certificateDer).checkPrivateKey(key))
  assert.deepEqual(on.eventIds(), [66, 66, 1050])
})

test('a CA that signs days later counts the lifetime from then; the intent is open until it does', async () => {
  const on = await waitingStage()
  on.advance(3)
  const anHourAgo = new Date(Date.now() + 3 * 86_400_000 - 3_600_000)
  assert.deepEqual(await on.store.certificates.listOpenIntents(anHourAgo, 10), [])
  delete on.signing.hooks.waits
  on.signing.hooks.alter = (order) => {
    const later = (date: Date) => new Date(date.getTime() + 3 * 86_400_000)
    const { notBefore, notAfter } = order.certificate
    const times = { notBefore: later(notBefore), notAfter: later(notAfter) }
    return { ...order, certificate: { ...order.certificate, ...times } }
  }
  const value = valueOf(await on.carryOut({ request: on.again }))
  const limit = on.signing.waiting.get('48213')?.certificate.notAfter ?? new Date(0)
  assert.ok(value.notAfter > limit)
})

test('a CA that denies what waited: 1052, and nothing is asked for anew', async () => {
  const on = await waitingStage()
  on.signing.waiting.clear()
  assert.equal(
    failureOf(await on.carryOut({ request: on.again })).errorCode,
    'NonRetryableServiceException',
  )
  assert.deepEqual(on.eventIds(), [66, 1052])
  assert.equal(on.signing.signed.size, 0)
})

test('a CA that answers for another key: that certificate is revoked and nobody gets it', async () => {
  const on = await waitingStage()
  delete on.signing.hooks.waits
  const other = await stage()
  valueOf(await other.carryOut())
  const foreign = parseCertificate([...other.signing.signed.values()][0] ?? new Uint8Array())
  on.signing.hooks.alter = (order) => ({
    ...order,
    certificate: { ...order.certificate, spkiDer: foreign.spkiDer },
  })
  assert.ok(!(await on.carryOut({ request: on.again })).end.succeeded)
  assert.equal(on.signing.revoked.length, 1)
  assert.deepEqual(on.eventIds(), [66, 61, 1052])
})

for (const [title, progress] of [
  ['that another connector has, or had', undefined],
  ['that does not open any more', 'lost'],
] as const)
  test(`a waiting request with a key ${title}: no second request; what comes is revoked, and the item ends`, async () => {
    const on = await waitingStage()
    const later = { request: on.again, progress }
    assert.equal((await on.carryOut(later)).waitsFor?.caRequestId, '48213')
    delete on.signing.hooks.waits
    assert.equal(failureOf(await on.carryOut(later)).errorCode, 'CryptographyError')
    assert.equal(on.signing.waiting.size, 1)
    assert.deepEqual(on.signing.revoked, [...on.signing.signed.keys()])
    assert.deepEqual(on.eventIds(), [66, 66, 61, 1052])
  })

test('a waiting request of an item that asks for something else by now: what comes is revoked', async () => {
  const on = await waitingStage()
  delete on.signing.hooks.waits
  const request = { ...on.again, subjectName: 'CN=bob,E=bob@corp.example,O=Corp' }
  assert.equal(failureOf(await on.carryOut({ request })).errorCode, 'CryptographyError')
  assert.equal(on.signing.revoked.length, 1)
})

for (const [title, change] of [
  ['is for another subject', { subjectName: 'CN=bob,E=bob@corp.example,O=Corp' }],
  ['has other names', { subjectAlternativeNames: [] }],
] as const)
  test(`a number of the service whose certificate ${title} revokes nothing: 21`, async () => {
    const on = await waitingStage()
    delete on.signing.hooks.waits
    const request = { ...on.again, ...change }
    const verdict = await on.carryOut({ request, progress: undefined })
    assert.equal(failureOf(verdict).errorCode, 'CryptographyError')
    assert.deepEqual(on.signing.revoked, [])
    assert.deepEqual(on.eventIds(), [66, 21, 1052])
  })

test('a number of the service whose certificate was handed out for another item revokes nothing: 21', async () => {
  const on = await waitingStage()
  delete on.signing.hooks.waits
  valueOf(await on.carryOut({ request: on.again }))
  const verdict = await on.carryOut({ request: on.again, progress: undefined })
  assert.equal(failureOf(verdict).errorCode, 'CryptographyError')
  assert.deepEqual(on.signing.revoked, [])
  assert.deepEqual(on.eventIds(), [66, 1050, 21, 1052])
})

test('an item that never came again: what the CA issued is revoked; what it still has is told to an administrator', async () => {
  const on = await waitingStage()
  const abandon = async (): Promise<void> => {
    const progress = on.cipher.open(on.kept.at(-1) ?? new Uint8Array())
    const { journal: log } = recordedJournal()
    await on.handler.takeBack?.({ request: on.request, progress, reason: 'never again', log })
  }
  await abandon()
  assert.deepEqual(on.signing.revoked, [])
  delete on.signing.hooks.waits
  await abandon()
  assert.deepEqual(on.signing.revoked, [...on.signing.signed.keys()])
})

for (const [title, contentEncryption, isTied] of [
  [
    'is tied to its item, device and certificate where the device takes AES-GCM',
    'aes-256-gcm',
    true,
  ],
  ['is tied to nothing where the device takes AES-CBC', 'aes-256-cbc', false],
] as const)
  test(`with pkcs.contextBindingOid a payload ${title}`, async () => {
    const recipients = [{ ...recipientOf(der('device')), contentEncryption }]
    const payload = {
      protection: 'payloadCms',
      pfxEncryption: 'aes256',
      includeChain: true,
    } as const
    const on = await stage({ recipients, payload }, 'embedded', '1.3.6.1.4.1.99999.1.1')
    const value = valueOf(await on.carryOut())
    const text = `context-1|${DEVICE_ID}|${value.thumbprintHex.toLowerCase()}`
    const digest = createHash('sha256').update(text).digest('hex')
    const attribute = `060a2b06010401868d1f010131220420${digest}`
    for (const sealed of [value.payload.encryptedPfxBlob, value.payload.encryptedPfxPassword])
      assert.equal(
        Buffer.from(sealed ?? [])
          .toString('hex')
          .includes(attribute),
        isTied,
      )
  })

test('what was taken back is not handed out when the item comes again, though the CA still has it', async () => {
  const on = await waitingStage()
  delete on.signing.hooks.waits
  const progress = on.cipher.open(on.kept.at(-1) ?? new Uint8Array())
  const { journal: log } = recordedJournal()
  await on.handler.takeBack?.({ request: on.request, progress, reason: 'the lease was lost', log })
  const value = valueOf(await on.carryOut())
  assert.deepEqual(on.signing.revoked, [[...on.signing.signed.keys()][0]])
  assert.ok(!on.signing.revoked.includes(value.serialHex))
})
