import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { BasicOCSPResponse, Certificate, OCSPResponse } from 'pkijs'
import {
  type CaKeyType,
  createAuthority,
  createOcspResponder,
  type RevocationReason,
} from '../../../src/ca/index.ts'
import { ConnectorError, fromHex, toHex } from '../../../src/kernel/index.ts'
import {
  encodeContext,
  encodeExtensions,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  parseCertificate,
  parseElement,
  parseOcspRequest,
  signWith,
} from '../../../src/pki/index.ts'

const NOW = new Date(Math.floor(Date.now() / 1000) * 1000)

interface Known {
  readonly certificateDer?: Uint8Array
  readonly revokedAt?: Date
  readonly revocationReason?: RevocationReason
}

async function createBench(key: CaKeyType = 'p256', cacheMs = 60_000, maxSignedPerSecond = 0) {
  const { issuing } = await createAuthority({
    names: { name: 'OCSP CA' },
    rootKey: 'p256',
    issuingKey: key,
    now: NOW,
    random: randomBytes,
  })
  const issuerDer = issuing.certificateDer
  const known = new Map<string, Known>()
  const failures: unknown[] = []
  const clock = { now: NOW }
  const counts = { signers: 0, lookUps: 0 }
  const responder = createOcspResponder({
    authorities: () => [
      { caId: 'default', issuerDer, cacheMs, validityMs: 3_600_000, maxSignedPerSecond },
    ],
    signer: {
      async sign(_caId, data) {
        counts.signers += 1
        return signWith(issuing.key, data)
      },
    },
    certificates: {
      async findBySerial(_caId, serialHex) {
        counts.lookUps += 1
        const found = known.get(serialHex)
        if (found === undefined) return undefined
        return {
          requestKey: '',
          certificateDer: found.certificateDer,
          revokedAt: found.revokedAt,
          revocationReason: found.revocationReason,
        }
      },
    },
    clock: { now: () => clock.now },
    random: randomBytes,
    onFailure: (error) => failures.push(error),
  })
  return { responder, known, issuerDer, failures, clock, counts }
}

function requestFor(issuerDer: Uint8Array, serialHex: string, nonce?: Uint8Array): Uint8Array {
  return requestForAll([[issuerDer, serialHex]], nonce)
}

function requestForAll(
  asked: readonly (readonly [issuerDer: Uint8Array, serialHex: string])[],
  nonce?: Uint8Array,
): Uint8Array {
  const list = asked.map(([issuerDer, serialHex]) => encodeSequence(idOf(issuerDer, serialHex)))
  const extensions =
    nonce === undefined
      ? []
      : [
          encodeContext(
            2,
            encodeExtensions([
              {
                oid: '1.3.6.1.5.5.7.48.1.2',
                critical: false,
                valueDer: encodeOctetString(nonce),
              },
            ]),
          ),
        ]
  return encodeSequence(encodeSequence(encodeSequence(...list), ...extensions))
}

function idOf(
  issuerDer: Uint8Array,
  serialHex: string,
  parametersDer: Uint8Array = encodeNull(),
): Uint8Array {
  const { subjectDer, spkiDer } = parseCertificate(issuerDer)
  const bits = parseElement(spkiDer).children[1]?.value.subarray(1) ?? new Uint8Array()
  const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash('sha1').update(bytes).digest())
  return encodeSequence(
    encodeSequence(encodeOid('1.3.14.3.2.26'), parametersDer),
    encodeOctetString(sha1(subjectDer)),
    encodeOctetString(sha1(bits)),
    encodeInteger(fromHex(serialHex)),
  )
}

/** What pkijs reads of an answer, its signature verified. */
async function readAnswer(der: Uint8Array, issuerDer: Uint8Array) {
  const response = OCSPResponse.fromBER(Uint8Array.from(der))
  const status = response.responseStatus.valueBlock.valueDec
  if (response.responseBytes === undefined) return { status, certStatus: undefined }
  const basic = BasicOCSPResponse.fromBER(response.responseBytes.response.valueBlock.valueHexView)
  const issuer = Certificate.fromBER(Uint8Array.from(issuerDer))
  const isVerified = await basic.verify({ trustedCerts: [issuer] })
  assert.equal(isVerified, true)
  const [first] = basic.tbsResponseData.responses
  return { status, certStatus: first?.certStatus.idBlock.tagNumber }
}

suite('OCSP responder', () => {
  for (const key of ['rsa2048', 'p256', 'p384'] as const)
    test(`pkijs verifies good, unknown and revoked of a CA with ${key}`, async () => {
      const { responder, known, issuerDer, failures } = await createBench(key)
      known.set('4A01', { certificateDer: new Uint8Array(1) })
      known.set('4A02', {
        certificateDer: new Uint8Array(1),
        revokedAt: NOW,
        revocationReason: 6,
      })
      known.set('4A03', {})
      const statuses = await Promise.all(
        ['4A01', '4A02', '4A03', '4A04'].map(
          async (serial) =>
            (await readAnswer((await responder(requestFor(issuerDer, serial))).der, issuerDer))
              .certStatus,
        ),
      )
      // good [0], revoked [1] for a hold too, unknown [2] for what is only reserved and for what nobody knows.
      assert.deepEqual(statuses, [0, 1, 2, 2])
      assert.deepEqual(failures, [])
    })

  test('an answer is signed once and given again for its time; with a nonce each is another', async () => {
    const { responder, known, issuerDer, clock } = await createBench()
    known.set('4A01', { certificateDer: new Uint8Array(1) })
    const first = await responder(requestFor(issuerDer, '4A01'))
    assert.equal(await responder(requestFor(issuerDer, '4A01')), first)
    known.set('4A01', { revokedAt: NOW, revocationReason: 1 })
    clock.now = new Date(NOW.getTime() + 60_000)
    const later = await responder(requestFor(issuerDer, '4A01'))
    assert.equal((await readAnswer(later.der, issuerDer)).certStatus, 1)
    const nonce = randomBytes(32)
    const fresh = await responder(requestFor(issuerDer, '4A01', nonce))
    assert.ok(Buffer.from(fresh.der).includes(nonce))
    assert.equal(fresh.cache, undefined)
  })

  test('what was signed while the clock was ahead is not given again, and its signer signs no more', async () => {
    const { responder, known, issuerDer, clock, counts } = await createBench()
    known.set('4A01', { certificateDer: new Uint8Array(1) })
    clock.now = new Date(NOW.getTime() + 100 * 86_400_000)
    await responder(requestFor(issuerDer, '4A01'))
    clock.now = NOW
    known.set('4A01', { revokedAt: NOW, revocationReason: 1 })
    const answer = await responder(requestFor(issuerDer, '4A01'))
    assert.equal((await readAnswer(answer.der, issuerDer)).certStatus, 1)
    assert.deepEqual(answer.cache?.thisUpdate, NOW)
    assert.equal(counts.signers, 2)
  })

  test('what strangers can swell is not kept: questions about several, or with more in them than they need', async () => {
    const { responder, known, issuerDer, counts } = await createBench()
    known.set('4A01', { certificateDer: new Uint8Array(1) })
    const padded = idOf(issuerDer, '4A01', encodeOctetString(new Uint8Array(7000)))
    const swollen = encodeSequence(encodeSequence(encodeSequence(encodeSequence(padded))))
    for (let i = 0; i < 2; i += 1) await responder(swollen)
    assert.equal(counts.lookUps, 2)
    const several = requestForAll(Array.from({ length: 16 }, () => [issuerDer, '4A01'] as const))
    for (let i = 0; i < 2; i += 1) await responder(several)
    assert.equal(counts.lookUps, 2 + 32)
  })

  test('the signer is made once, for many at a time, and anew at half of its life', async () => {
    const { responder, issuerDer, clock, counts } = await createBench()
    const ask = async (serial: number) =>
      await responder(requestFor(issuerDer, (0x4a00 + serial).toString(16).toUpperCase()))
    await Promise.all(Array.from({ length: 20 }, async (_, index) => await ask(index)))
    assert.equal(counts.signers, 1)
    clock.now = new Date(NOW.getTime() + 16 * 86_400_000)
    await Promise.all([ask(30), ask(31)])
    assert.equal(counts.signers, 2)
  })

  test('under a CA in its last days the signer is not made anew with every answer', async () => {
    const { responder, issuerDer, clock, counts } = await createBench()
    const endsAt = parseCertificate(issuerDer).notAfter.getTime()
    for (const minutesLeft of [5760, 5750, 5740, 5730]) {
      clock.now = new Date(endsAt - minutesLeft * 60_000)
      const nonce = randomBytes(16)
      const { der } = await responder(requestFor(issuerDer, '4A01', nonce))
      assert.ok(Buffer.from(der).includes(nonce))
    }
    assert.equal(counts.signers, 1)
  })

  test('nonces have 1 to 128 octets, as RFC 9654 bounds them', async () => {
    const { responder, issuerDer } = await createBench()
    const statusOf = async (length: number) =>
      (
        await readAnswer(
          (
            await responder(requestFor(issuerDer, '4A01', randomBytes(length)))
          ).der,
          issuerDer,
        )
      ).status
    assert.equal(await statusOf(0), 1)
    assert.equal(await statusOf(1), 0)
    assert.equal(await statusOf(128), 0)
    assert.equal(await statusOf(129), 1)
  })

  test('several certificates in one request are answered in their order; of two issuers none is', async () => {
    const { responder, issuerDer, known } = await createBench()
    known.set('4A01', { certificateDer: new Uint8Array(1) })
    known.set('4A02', { certificateDer: new Uint8Array(1), revokedAt: NOW, revocationReason: 1 })
    const asked = ['4A02', '4A01', '4A03'].map((serial) => [issuerDer, serial] as const)
    const { der } = await responder(requestForAll(asked))
    const body = OCSPResponse.fromBER(Uint8Array.from(der)).responseBytes ?? assert.fail()
    const basic = BasicOCSPResponse.fromBER(body.response.valueBlock.valueHexView)
    const told = basic.tbsResponseData.responses.map(({ certID, certStatus }) => [
      toHex(new Uint8Array(certID.serialNumber.valueBlock.valueHexView)),
      certStatus.idBlock.tagNumber,
    ])
    assert.deepEqual(told, [
      ['4A02', 1],
      ['4A01', 0],
      ['4A03', 2],
    ])
    const { issuerDer: other } = await createBench()
    const mixed = await responder(requestForAll([...asked, [other, '4A01']]))
    assert.equal((await readAnswer(mixed.der, issuerDer)).status, 6)
  })

  test('another issuer is unauthorized, a store that is away tryLater', async () => {
    const { responder, issuerDer, known } = await createBench()
    const other = await createBench()
    const foreign = await responder(requestFor(other.issuerDer, '4A01'))
    assert.equal((await readAnswer(foreign.der, issuerDer)).status, 6)
    known.get = () => {
      throw new ConnectorError('store/unavailable', 'away', { isTransient: true })
    }
    const later = await responder(requestFor(issuerDer, '4A01'))
    assert.equal((await readAnswer(later.der, issuerDer)).status, 3)
  })

  test('a second has so many signatures and no more: then tryLater, the cache goes on, and the next second begins anew', async () => {
    const { responder, known, issuerDer, failures, clock, counts } = await createBench(
      'p256',
      60_000,
      3,
    )
    known.set('01', { certificateDer: new Uint8Array(1) })
    const statusOf = async (nonce?: Uint8Array) =>
      (await readAnswer((await responder(requestFor(issuerDer, '01', nonce))).der, issuerDer))
        .status
    assert.equal(await statusOf(), 0)
    const flood = await Promise.all([1, 2, 3, 4].map((id) => statusOf(new Uint8Array([id]))))
    assert.deepEqual(flood, [0, 0, 3, 3])
    assert.equal(await statusOf(), 0)
    assert.equal(failures.length, 2)
    assert.match(String(failures[0]), /maxSignedPerSecond/)
    const before = counts.lookUps
    clock.now = new Date(NOW.getTime() + 1000)
    assert.equal(await statusOf(new Uint8Array([5])), 0)
    assert.equal(counts.lookUps, before + 1)
  })

  test('whatever the octets are, they are read or refused, and answered', async () => {
    const { responder, issuerDer } = await createBench()
    const valid = requestFor(issuerDer, '4A01', randomBytes(16))
    await fc.assert(
      fc.asyncProperty(
        fc.nat(valid.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.nat(valid.length),
        async (at, flip, length) => {
          const changed = Uint8Array.from(valid).subarray(0, Math.max(at + 1, length))
          changed[at] = (changed[at] ?? 0) ^ flip
          try {
            parseOcspRequest(changed)
          } catch (error) {
            assert.ok(error instanceof ConnectorError)
          }
          const { der } = await responder(changed)
          assert.equal(der[0], 0x30)
        },
      ),
      { numRuns: 300 },
    )
  })
})
