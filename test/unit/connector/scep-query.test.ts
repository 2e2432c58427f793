import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { suite, test } from 'node:test'
import { toHex } from '../../../src/kernel/index.ts'
import { parseCertificate } from '../../../src/pki/index.ts'
import type { ScepQuery, ScepRequest } from '../../../src/scep/index.ts'
import { createDeviceRequest, createStage } from '../../support/enrolment-stage.ts'

type Asked = ScepQuery['asked']

/** A query of the device that made this request. */
function queryOf({ frame, signer, csr }: ScepRequest, asked: Asked): ScepQuery {
  const publicKeySha256Hex = toHex(createHash('sha256').update(csr.spkiDer).digest())
  return { frame, signer: { ...signer, publicKeySha256Hex }, signingTime: undefined, asked }
}

async function enrolled() {
  const stage = await createStage()
  const request = createDeviceRequest()
  const { certificateHex = '' } = await stage.enrol(request)
  const certificate = parseCertificate(Buffer.from(certificateHex, 'hex'))
  const [issuerDer = new Uint8Array()] = await stage.ca.chain()
  return {
    stage,
    request,
    certificateHex,
    serialHex: certificate.serialHex,
    issuerDer: parseCertificate(issuerDer).subjectDer,
  }
}

suite('answerScepQuery', () => {
  test('REQ-181: GetCert answers the certificate to the holder of its key', async () => {
    const { stage, request, certificateHex, serialHex, issuerDer } = await enrolled()
    const answer = await stage.enrol(
      queryOf(request, { messageType: 'GetCert', issuerDer, serialHex }),
    )
    assert.equal(answer.status, 'SUCCESS')
    assert.equal(answer.outcome, 'answered')
    assert.equal(answer.certificateHex, certificateHex)
    assert.equal(stage.eventIds('admin').length, 0)
  })

  test('REQ-181: others get badCertId in the same words as for a serial that nobody has', async () => {
    const { stage, request, serialHex, issuerDer } = await enrolled()
    const stranger = createDeviceRequest()
    const ask = async (from: ScepRequest, asked: Asked) => await stage.enrol(queryOf(from, asked))
    const answers = [
      await ask(stranger, { messageType: 'GetCert', issuerDer, serialHex }),
      await ask(request, { messageType: 'GetCert', issuerDer, serialHex: '4F00' }),
    ]
    for (const { status, failInfo, failText } of answers) {
      assert.equal(status, 'FAILURE')
      assert.equal(failInfo, 'badCertId')
      assert.match(failText ?? '', /^no such certificate \[request [0-9a-f]+\]$/)
    }
    const open = { queries: { getCrl: true, openCertQueries: true } }
    const opened = await stage.enrol(
      queryOf(stranger, { messageType: 'GetCert', issuerDer, serialHex }),
      open,
    )
    assert.equal(opened.status, 'SUCCESS')
  })

  test('REQ-142: strict mode hands out no certificate by GetCert that is still to be told', async () => {
    const { stage, request, serialHex, issuerDer } = await enrolled()
    stage.faults.notify = async () => {
      throw new Error('away')
    }
    const asked = { messageType: 'GetCert', issuerDer, serialHex } as const
    const held = await stage.enrol(queryOf(request, asked), { notifyMode: 'strict' })
    assert.equal(held.failInfo, 'badCertId')
    stage.faults.notify = undefined
    const told = await stage.enrol(queryOf(request, asked), { notifyMode: 'strict' })
    assert.equal(told.status, 'SUCCESS')
  })

  test('REQ-142: nor is it to be had at another profile of the same CA, which is not strict', async () => {
    const { stage, request, serialHex, issuerDer } = await enrolled()
    const asked = { messageType: 'GetCert', issuerDer, serialHex } as const
    for (const openCertQueries of [false, true]) {
      const other = {
        name: 'other',
        notifier: undefined,
        queries: { getCrl: true, openCertQueries },
      }
      assert.equal((await stage.enrol(queryOf(request, asked), other)).failInfo, 'badCertId')
    }
  })

  test('REQ-182: GetCRL answers by the issuer whatever the serial', async () => {
    const { stage, request, serialHex, issuerDer } = await enrolled()
    await stage.ca.revoke(
      { serialHex, reason: 1, at: stage.clock.now() },
      new AbortController().signal,
    )
    const published = await stage.store.crls.current(stage.ca.id)
    for (const serial of [serialHex, '00', '7F'.repeat(30)]) {
      const answer = await stage.enrol(
        queryOf(request, { messageType: 'GetCRL', issuerDer, serialHex: serial }),
      )
      assert.equal(answer.status, 'SUCCESS')
      assert.equal(answer.crlHex, Buffer.from(published?.der ?? []).toString('hex'))
    }
  })

  test('REQ-182, REQ-183: beside shards and deltas GetCRL gives the full CRL of the issuer', async () => {
    const { stage, request, serialHex, issuerDer } = await enrolled()
    const crl = (octet: number) => ({
      der: Uint8Array.of(0x30, octet),
      thisUpdate: stage.clock.now(),
      nextUpdate: stage.clock.now(),
    })
    await stage.store.crls.publish(stage.ca.id, {
      ...crl(0),
      number: 1,
      shards: 1,
      base: undefined,
      parts: new Map([
        ['0', crl(1)],
        ['delta', crl(2)],
      ]),
    })
    const answer = await stage.enrol(
      queryOf(request, { messageType: 'GetCRL', issuerDer, serialHex }),
    )
    assert.equal(answer.crlHex, '3000')
  })

  test('REQ-184: with getCrl false GetCRL is badRequest, as with NDES', async () => {
    const { stage, request, serialHex, issuerDer } = await enrolled()
    const answer = await stage.enrol(
      queryOf(request, { messageType: 'GetCRL', issuerDer, serialHex }),
      { queries: { getCrl: false, openCertQueries: false } },
    )
    assert.equal(answer.failInfo, 'badRequest')
  })

  test('REQ-105: a refused query that is encrypted by a password counts as a guess at the challenge', async () => {
    const { stage, request, issuerDer } = await enrolled()
    const query = queryOf(request, { messageType: 'GetCert', issuerDer, serialHex: '4F00' })
    assert.equal((await stage.enrol(query)).outcome, 'refused')
    const frame = { ...query.frame, isByPassword: true }
    assert.equal((await stage.enrol({ ...query, frame })).outcome, 'challenge-refused')
  })

  test('REQ-181, REQ-182: another issuer is badCertId', async () => {
    const { stage, request, serialHex } = await enrolled()
    const issuers = {
      backendFor: () => stage.ca,
      findByName: () => undefined,
      raFingerprint: () => undefined,
      list: () => [stage.ca],
    }
    for (const messageType of ['GetCert', 'GetCRL'] as const) {
      const issuerDer = request.csr.subjectDer
      const answer = await stage.enrol(queryOf(request, { messageType, issuerDer, serialHex }), {
        issuers,
      })
      assert.equal(answer.failInfo, 'badCertId')
    }
  })
})
