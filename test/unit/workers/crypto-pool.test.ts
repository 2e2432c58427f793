import assert from 'node:assert/strict'
import { randomBytes, verify, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import {
  buildRequest,
  createDeviceKeys,
  createSigner,
  encodeSigningRequest,
  openReply,
} from '../../../src/cli/enrolment-client/index.ts'
import { ConnectorError, Secret } from '../../../src/kernel/index.ts'
import { type CryptoKeys, type CryptoPool, createCryptoPool } from '../../../src/workers/index.ts'
import {
  createTestAuthority,
  MADE_AT,
  raMaterials,
  scepRules,
} from '../../support/scep-messages/index.ts'

const authority = createTestAuthority()
const rules = scepRules()
const device = await createDeviceKeys({ key: 'rsa2048' })
const signer = createSigner(device.privateKey, 'CN=device', MADE_AT)
const expectation = { transactionId: 'worker-test', senderNonce: randomBytes(16), signer }

const keys: CryptoKeys = {
  ras: raMaterials(authority),
  issuers: [
    {
      caId: 'issuing',
      certificateDer: authority.issuing.certificateDer,
      keyPkcs8Der: new Uint8Array(
        authority.issuing.privateKey.export({ type: 'pkcs8', format: 'der' }),
      ),
      caIssuersUrl: undefined,
      crlUrl: undefined,
    },
  ],
}

function requestTo(recipientCertificateDer: Uint8Array): Uint8Array {
  return buildRequest({
    messageType: 'PKCSReq',
    csrDer: encodeSigningRequest({
      keys: device,
      subject: 'CN=device',
      challenge: new Secret('secret'),
      sans: [],
      ekus: [],
      keyUsage: [],
    }),
    recipientCertificateDer,
    digest: 'sha256',
    cipher: 'aes-128-cbc',
    keyTransport: 'pkcs1',
    signingTime: undefined,
    ...expectation,
  })
}

function poolWith(
  t: { after(close: () => Promise<void>): void },
  material: CryptoKeys = keys,
): CryptoPool {
  const pool = createCryptoPool({ size: 1, keys: material, clock: { now: () => MADE_AT } })
  t.after(() => pool.close())
  return pool
}

async function openedBy(pool: CryptoPool, recipientDer: Uint8Array) {
  const outcome = await pool.open(requestTo(recipientDer), rules)
  assert.ok(outcome.kind === 'opened', JSON.stringify(outcome))
  return outcome.request
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof ConnectorError && error.code === code
}

test('a request is opened, certified and answered in the threads', async (t) => {
  const pool = poolWith(t)
  await pool.ready()
  const { csr, frame } = await openedBy(pool, authority.ra.certificateDer)
  assert.equal(csr.challengePassword, 'secret')
  const certificateDer = await pool.issueCertificate('issuing', {
    serialHex: '0A0B',
    subjectDer: csr.subjectDer,
    spkiDer: csr.spkiDer,
    notBefore: MADE_AT,
    notAfter: new Date(MADE_AT.getTime() + 86_400_000),
    extensions: [],
  })
  const leaf = new X509Certificate(certificateDer)
  assert.ok(leaf.verify(new X509Certificate(authority.issuing.certificateDer).publicKey))
  assert.equal(leaf.serialNumber, '0A0B')
  const replyDer = await pool.seal(
    frame,
    { status: 'SUCCESS', certificateDer, chainDer: [] },
    rules,
  )
  const opened = openReply(replyDer, {
    raCertificatesDer: [authority.ra.certificateDer],
    ...expectation,
  })
  assert.ok(opened.kind === 'issued')
  const { jobs, restarts } = pool.statistics()
  assert.deepEqual(Object.keys(jobs).toSorted(), ['issue', 'open', 'seal'])
  assert.equal(restarts, 0)
})

test('bytes that are no message come back as scep/malformed', async (t) => {
  const pool = poolWith(t)
  await assert.rejects(
    pool.open(Buffer.from('3003020100', 'hex'), rules),
    hasCode('scep/malformed'),
  )
})

test('a raw signature holds under the key of the CA', async (t) => {
  const pool = poolWith(t)
  const data = Buffer.from('to be signed')
  const signature = await pool.sign('issuing', data)
  const { publicKey } = new X509Certificate(authority.issuing.certificateDer)
  assert.ok(verify('sha256', data, publicKey, signature))
})

test('a CA whose key is elsewhere is misconfigured', async (t) => {
  const pool = poolWith(t)
  await assert.rejects(pool.sign('another', new Uint8Array(1)), hasCode('ca/misconfigured'))
})

test('a pool with a key that cannot be read says so when it starts', async (t) => {
  const [ra] = keys.ras
  assert.ok(ra !== undefined)
  const broken = { ...keys, ras: [{ ...ra, keyPkcs8Der: new Uint8Array(10) }] }
  await assert.rejects(poolWith(t, broken).ready(), hasCode('key/unreadable'))
})

test('after a rotation the new certificate works, and the old one in its overlap', async (t) => {
  const [current, retired] = keys.ras
  assert.ok(current !== undefined && retired !== undefined)
  const pool = poolWith(t, { ...keys, ras: [{ ...retired, isCurrent: true }] })
  const before = await pool.open(requestTo(current.certificateDer), rules)
  assert.equal(before.kind, 'refused')
  await pool.updateKeys(keys)
  await openedBy(pool, current.certificateDer)
  await openedBy(pool, retired.certificateDer)
})

test('a small message does not take its neighbours in memory along to the thread', async (t) => {
  const pool = poolWith(t)
  const message = requestTo(authority.ra.certificateDer)
  const slab = Buffer.alloc(1 << 20, 0x5a)
  slab.set(message, 4096)
  const outcome = await pool.open(slab.subarray(4096, 4096 + message.byteLength), rules)
  assert.ok(outcome.kind === 'opened')
  assert.ok(outcome.request.frame.transactionIdDer.buffer.byteLength < 1 << 16)
})
