import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openRequest, prepareRaKeyRing } from '../../src/scep/index.ts'
import {
  createTestAuthority,
  prebuildRequests,
  raMaterials,
  scepRules,
} from '../support/scep-messages/index.ts'

const authority = createTestAuthority()
const ring = prepareRaKeyRing(raMaterials(authority))

test('prebuilt requests all open and differ in everything but the device keys', () => {
  const batch = prebuildRequests(20, {
    recipientCertificateDer: authority.ra.certificateDer,
    challenge: (index) => `challenge ${index}`,
    keyCount: 2,
  })
  const opened = batch.map(({ messageDer }) => {
    const outcome = openRequest(
      messageDer,
      ring,
      scepRules({ maxSigningTimeSkewSeconds: 60 }),
      new Date(),
    )
    if (outcome.kind !== 'opened')
      assert.fail(outcome.kind === 'refused' ? outcome.refusal.text : outcome.kind)
    return outcome.request
  })
  opened.forEach(({ csr, frame, signer }, index) => {
    assert.equal(csr.challengePassword, `challenge ${index}`)
    assert.equal(frame.transactionId, batch[index]?.transactionId)
    assert.equal(csr.subject, `CN=${batch[index]?.commonName}`)
    assert.equal(signer.hasCsrKey, true)
  })
  const countOf = (values: readonly string[]) => new Set(values).size
  assert.equal(countOf(opened.map((request) => request.csrSha256Hex)), 20)
  assert.equal(countOf(opened.map((request) => request.frame.transactionId)), 20)
  assert.equal(countOf(opened.map((request) => request.signer.sha256Hex)), 2)
  assert.equal(
    countOf(opened.map(({ frame }) => Buffer.from(frame.senderNonce ?? []).toString('hex'))),
    20,
  )
})
