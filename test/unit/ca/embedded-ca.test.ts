import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as pkijs from 'pkijs'
import {
  type CertificateSigner,
  createEmbeddedCa,
  type EmbeddedCaOptions,
  type EnrolOrder,
  issueCertificate,
  prepareIssuer,
  type RevokedEntry,
} from '../../../src/ca/index.ts'
import { ConnectorError } from '../../../src/kernel/index.ts'
import {
  createCertificateOrder,
  createDirectSigner,
  daysAfter,
  getQuickAuthority,
  materialOf,
  NOW,
} from './ca-fixtures.ts'

const never = new AbortController().signal

/** Registers that know every certificate and take every revocation. */
function createRegisters() {
  const revoked: RevokedEntry[] = []
  const numbers: number[] = []
  const published: number[] = []
  const asked: Date[] = []
  const certificates: EmbeddedCaOptions['certificates'] = {
    findBySerial: async () => undefined,
    async revoke(_caId, serialHex, reason, at) {
      revoked.push({ serialHex, reason, at })
      return true
    },
    async listRevoked(_caId, asOf) {
      asked.push(asOf)
      return [...revoked]
    },
    listChanged: async () => [],
  }
  const crls: EmbeddedCaOptions['crls'] = {
    async takeNumber() {
      numbers.push(numbers.length + 1)
      return numbers.length
    },
    status: async () => ({ published: undefined }),
    async publish(_caId, crl) {
      published.push(crl.number)
    },
  }
  return { certificates, crls, published, revoked, asked }
}

async function createCa(more: Partial<EmbeddedCaOptions> = {}) {
  const authority = await getQuickAuthority()
  return createEmbeddedCa({
    id: 'main',
    chain: [authority.issuing.certificateDer, authority.root.certificateDer],
    signer: createDirectSigner(materialOf(authority)),
    ...createRegisters(),
    clock: { now: () => NOW },
    ...more,
  })
}

function createOrder(): EnrolOrder {
  return {
    requestKey: 'request',
    csrDer: new Uint8Array(),
    certificate: createCertificateOrder(),
    parameters: {},
    attempt: 1,
  }
}

const revocation = (serialHex: string) => ({ serialHex, reason: 4, at: NOW }) as const

describe('embedded CA', () => {
  test('a revocation is in the CRL that is published with it', async () => {
    const registers = createRegisters()
    const ca = await createCa(registers)
    await ca.revoke(revocation('0102'), never)
    assert.deepEqual(registers.published, [1])
    const { der } = await ca.publishCrl()
    const [entry] = pkijs.CertificateRevocationList.fromBER(der).revokedCertificates ?? []
    assert.equal(entry?.userCertificate.valueBlock.toString(), '258')
  })

  test('a hundred revocations at once make two CRLs, and the last one lists all', async () => {
    const registers = createRegisters()
    const ca = await createCa(registers)
    await Promise.all(
      Array.from({ length: 100 }, (_, index) => ca.revoke(revocation(`01${100 + index}0`), never)),
    )
    assert.deepEqual(registers.published, [1, 2])
  })

  test('a CRL that fails does not keep the next one from being made', async () => {
    const registers = createRegisters()
    const authority = await getQuickAuthority()
    const direct = createDirectSigner(materialOf(authority))
    let isBroken = true
    const signer: CertificateSigner = {
      ...direct,
      async sign(caId, data) {
        if (isBroken) throw new ConnectorError('worker/died', 'no worker', { isTransient: true })
        return direct.sign(caId, data)
      },
    }
    const ca = await createCa({ ...registers, signer })
    await assert.rejects(ca.revoke(revocation('0102'), never), { code: 'ca/unavailable' })
    assert.equal(registers.revoked.length, 1)
    isBroken = false
    await ca.revoke(revocation('0102'), never)
    assert.deepEqual(registers.published, [2])
  })

  test('certificates that expired within the life of a CRL are still asked for', async () => {
    const registers = createRegisters()
    const ca = await createCa(registers)
    const { nextUpdate, thisUpdate } = await ca.publishCrl()
    assert.deepEqual([thisUpdate, nextUpdate], [NOW, daysAfter(7)])
    assert.deepEqual(registers.asked, [daysAfter(-7)])
  })

  test('removeFromCRL is no reason to revoke', async () => {
    const registers = createRegisters()
    const ca = await createCa(registers)
    const result = await ca.revoke({ ...revocation('0102'), reason: 8 }, never)
    assert.equal(result.status, 'notSupported')
    assert.deepEqual(registers.revoked, [])
  })

  test('an order that the issuer refuses is denied with the reason', async () => {
    const ca = await createCa()
    const order = createOrder()
    const extensions = [{ oid: '2.5.29.30', critical: true, valueDer: Uint8Array.of(0x30, 0) }]
    const result = await ca.enrol(
      { ...order, certificate: { ...order.certificate, extensions } },
      never,
    )
    assert.equal(result.status, 'denied')
    assert.match(result.status === 'denied' ? result.message : '', /2\.5\.29\.30/)
  })

  test('a signature that failed is made by the next attempt', async () => {
    const authority = await getQuickAuthority()
    const issuer = prepareIssuer(materialOf(authority))
    let calls = 0
    const ca = await createCa({
      signer: {
        ...createDirectSigner(materialOf(authority)),
        async issueCertificate(_caId, certificate) {
          calls += 1
          if (calls === 1) throw new ConnectorError('worker/timeout', 'slow', { isTransient: true })
          return issueCertificate(certificate, issuer)
        },
      },
    })
    const order = createOrder()
    await assert.rejects(ca.enrol(order, never), { code: 'ca/unavailable', isTransient: true })
    assert.equal((await ca.enrol({ ...order, attempt: 2 }, never)).status, 'issued')
  })

  test('a defect is not called an outage', async () => {
    const ca = await createCa({
      signer: {
        issueCertificate: async () => {
          throw new TypeError('defect')
        },
        sign: async () => new Uint8Array(),
      },
    })
    await assert.rejects(ca.enrol(createOrder(), never), TypeError)
  })

  test('an empty chain is refused at once', async () => {
    await assert.rejects(createCa({ chain: [] }), { code: 'ca/misconfigured' })
  })
})

describe('health of the embedded CA', () => {
  test('a signer with another key is down', async () => {
    const authority = await getQuickAuthority()
    const other = createDirectSigner(
      materialOf(authority, {
        certificateDer: authority.root.certificateDer,
        keyPkcs8Der: authority.root.key.export({ format: 'der', type: 'pkcs8' }),
      }),
    )
    const health = await (await createCa({ signer: other })).health(never)
    assert.deepEqual([health.status, health.cause], ['down', 'config'])
  })

  test('a signer that fails for good is down, one that is busy degraded', async () => {
    for (const [isTransient, status] of [
      [true, 'degraded'],
      [false, 'down'],
    ] as const) {
      const signer = {
        ...createDirectSigner(materialOf(await getQuickAuthority())),
        sign: async () => {
          throw new ConnectorError('worker/overloaded', 'full', { isTransient })
        },
      }
      assert.equal((await (await createCa({ signer })).health(never)).status, status)
    }
  })

  const moments: readonly [title: string, day: number, status: string, expiring: string[]][] = [
    ['in the middle of all lives nothing is about to expire', 300, 'up', []],
    [
      'four months before its end the RA is told of',
      620,
      'degraded',
      ['CN=Test CA RA,O=Contoso,C=DE'],
    ],
    ['an expired RA is down', 731, 'down', ['CN=Test CA RA,O=Contoso,C=DE']],
    [
      'in its last sixth the CA is told of, here beside an expired RA',
      3280,
      'down',
      ['CN=Test CA,O=Contoso,C=DE', 'CN=Test CA RA,O=Contoso,C=DE'],
    ],
  ]
  for (const [title, day, status, expiring] of moments) {
    test(title, async () => {
      const [ra] = (await getQuickAuthority()).ras
      const clock = { now: () => daysAfter(day) }
      const ca = await createCa({ clock, raCertificates: () => [ra.certificateDer] })
      const health = await ca.health(never)
      assert.equal(health.status, status)
      assert.deepEqual(
        health.expiring.map(({ what }) => what),
        expiring,
      )
    })
  }
})
