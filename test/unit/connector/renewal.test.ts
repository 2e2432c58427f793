import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  checkCertificateOnlyRenewal,
  checkRenewalSigner,
} from '../../../src/connector/enrolment/renewal.ts'
import { type Extension, OID } from '../../../src/pki/index.ts'
import type { ScepRequest } from '../../../src/scep/index.ts'
import type { CertificateRecord } from '../../../src/store/index.ts'
import { commonName, sequence, utcTime } from '../../support/scep-messages/ber.ts'
import { extension, issueTestCertificate } from '../../support/scep-messages/certificates.ts'
import { createEcKeys, createTestAuthority } from '../../support/scep-messages/test-authority.ts'

const authority = createTestAuthority()
const now = new Date('2026-11-22T12:00:00Z')
const day = 86_400_000
const device = createEcKeys()

interface Scene {
  readonly messageType?: 'PKCSReq' | 'RenewalReq'
  readonly issuer?: 'ours' | 'stranger' | 'self'
  readonly endsInDays?: number
  readonly graceDays?: number
  readonly beginsInDays?: number
  readonly state?: CertificateRecord['state']
  /** Under which it was issued. */
  readonly profile?: string
}

/** What is said to a request whose signer is as the scene has it. */
async function check(scene: Scene): Promise<string | undefined> {
  const { issuer = 'ours' } = scene
  const signingKey = {
    ours: authority.issuing.privateKey,
    stranger: createEcKeys().privateKey,
    self: device.privateKey,
  }[issuer]
  const certificateDer = issueTestCertificate({
    subject: commonName('device'),
    issuer: commonName('Test issuing CA'),
    publicKey: device.publicKey,
    signingKey,
    notBefore: utcTime(new Date(now.getTime() + (scene.beginsInDays ?? -30) * day)),
    notAfter: utcTime(new Date(now.getTime() + (scene.endsInDays ?? 30) * day)),
  })
  return await checkRenewalSigner(
    {
      messageType: scene.messageType ?? 'RenewalReq',
      signer: {
        certificateDer,
        sha256Hex: '',
        publicKeySha256Hex: '',
        isSelfSigned: issuer === 'self',
        subject: 'CN=device',
        hasCsrKey: false,
      },
    },
    [{ id: 'default', chain: async () => [new Uint8Array(authority.issuing.certificateDer)] }],
    {
      findBySerial: async (caId, serialHex) => {
        assert.deepEqual([caId, serialHex], ['default', '01'])
        return scene.state === undefined
          ? undefined
          : ({ state: scene.state } as unknown as CertificateRecord)
      },
    },
    now,
    scene.graceDays ?? 0,
  )
}

describe('who may sign a renewal (REQ-133 to 135)', () => {
  for (const messageType of ['RenewalReq', 'PKCSReq'] as const) {
    test(`REQ-133, REQ-135: a ${messageType} signed by a certificate of this CA in force is served`, async () => {
      assert.equal(await check({ messageType, state: 'issued' }), undefined)
    })

    test(`REQ-135: a ${messageType} signed by a revoked, an expired or an early one is not`, async () => {
      assert.match((await check({ messageType, state: 'revoked' })) ?? '', /revoked/)
      assert.match((await check({ messageType, endsInDays: -1 })) ?? '', /expired/)
      assert.match((await check({ messageType, beginsInDays: 1 })) ?? '', /not valid yet/)
    })
  }

  test('REQ-135: an expired one is served within the grace, not after it, and not when it is revoked', async () => {
    assert.equal(await check({ endsInDays: -9, graceDays: 10, state: 'issued' }), undefined)
    assert.match((await check({ endsInDays: -11, graceDays: 10 })) ?? '', /expired/)
    assert.match(
      (await check({ endsInDays: -9, graceDays: 10, state: 'revoked' })) ?? '',
      /revoked/,
    )
  })

  test('REQ-134: a RenewalReq signed by itself or by a stranger with our name is not served', async () => {
    assert.match((await check({ issuer: 'self' })) ?? '', /self-signed/)
    assert.match((await check({ issuer: 'stranger' })) ?? '', /not issued by the CA/)
  })

  test('REQ-133: a PKCSReq signed by itself or by a stranger is left to its challenge', async () => {
    const old = { messageType: 'PKCSReq', endsInDays: -1 } as const
    assert.equal(await check({ ...old, issuer: 'self' }), undefined)
    assert.equal(await check({ ...old, issuer: 'stranger' }), undefined)
  })
})

describe('a renewal that the old certificate alone speaks for', () => {
  const san = (name: string): Extension => ({
    oid: OID.subjectAltName,
    critical: false,
    valueDer: sequence(Buffer.concat([Buffer.of(0x82, name.length), Buffer.from(name)])),
  })

  async function checkAlone(
    scene: Scene & { readonly subject?: string; readonly asked?: readonly Extension[] },
  ): Promise<string> {
    const { issuer = 'ours' } = scene
    const certificateDer = issueTestCertificate({
      subject: commonName('device'),
      issuer: commonName('Test issuing CA'),
      publicKey: device.publicKey,
      signingKey: {
        ours: authority.issuing.privateKey,
        stranger: createEcKeys().privateKey,
        self: device.privateKey,
      }[issuer],
      extensions: [extension('2.5.29.17', san('a.example').valueDer)],
      notBefore: utcTime(new Date(now.getTime() + (scene.beginsInDays ?? -30) * day)),
      notAfter: utcTime(new Date(now.getTime() + (scene.endsInDays ?? 30) * day)),
    })
    const problem = await checkCertificateOnlyRenewal(
      {
        csr: {
          subjectDer: commonName(scene.subject ?? 'device'),
          extensions: scene.asked ?? [san('a.example')],
        } as unknown as ScepRequest['csr'],
        signer: {
          certificateDer,
          sha256Hex: '',
          publicKeySha256Hex: '',
          isSelfSigned: issuer === 'self',
          subject: 'CN=device',
          hasCsrKey: false,
        },
      },
      [{ id: 'default', chain: async () => [new Uint8Array(authority.issuing.certificateDer)] }],
      {
        findBySerial: async () =>
          scene.state === undefined
            ? undefined
            : ({
                state: scene.state,
                profile: scene.profile ?? 'ours',
              } as unknown as CertificateRecord),
      },
      { profile: 'ours', windowDays: 60, graceDays: 0 },
      now,
    )
    return problem ?? 'nothing'
  }

  test('REQ-137: with the same subject and names, near its end, it is served', async () => {
    assert.equal(await checkAlone({ state: 'issued' }), 'nothing')
  })

  test('REQ-137: in every other case it is not', async () => {
    const state = 'issued'
    assert.match(await checkAlone({ state, issuer: 'self' }), /no certificate to renew/)
    assert.match(await checkAlone({ state, issuer: 'stranger' }), /not issued by the CA/)
    assert.match(await checkAlone({ state: 'revoked' }), /revoked or not on record/)
    assert.match(await checkAlone({}), /not on record/)
    assert.match(await checkAlone({ state, endsInDays: -1 }), /not in force/)
    assert.match(await checkAlone({ state, beginsInDays: 1 }), /not in force/)
    assert.match(await checkAlone({ state, endsInDays: 61 }), /more than 60 days/)
    assert.match(await checkAlone({ state, subject: 'admin' }), /another subject/)
    assert.match(await checkAlone({ state, asked: [san('b.example')] }), /other alternative names/)
    assert.match(await checkAlone({ state, asked: [] }), /other alternative names/)
  })

  test('REQ-136, REQ-137: one that another profile of the same CA issued does not speak for a request to this one', async () => {
    const problem = await checkAlone({ state: 'issued', profile: 'theirs' })
    assert.match(problem, /issued under another profile/)
  })
})
