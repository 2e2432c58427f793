import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'
import {
  failureOf,
  notificationIdOf,
  successOf,
} from '../../../src/connector/enrolment/enrolment-notification.ts'
import { describeIssued } from '../../../src/connector/enrolment/issuance.ts'
import { parseCertificate } from '../../../src/pki/index.ts'
import { refusalFor } from '../../../src/scep/index.ts'
import { createDeviceRequest, createStage } from '../../support/enrolment-stage.ts'
import {
  createEcKeys,
  issueTestCertificate,
  name,
  printable,
  utf8,
} from '../../support/scep-messages/index.ts'
import { sampleIntent, sampleIssued, start } from '../../support/store-samples.ts'

/** What is told when the issuing CA has this name. */
async function tellOf(subject: Uint8Array) {
  const keys = createEcKeys()
  const der = issueTestCertificate({
    subject,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
  })
  const { ca } = await createStage()
  const intent = sampleIntent()
  return await successOf(createDeviceRequest(), sampleIssued(intent), {
    ...ca,
    chain: async () => [new Uint8Array(der)],
  })
}

describe('what Intune is told of a certificate', () => {
  test('thumbprint, serial and end are those of the certificate that the device has', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    const { certificateHex } = await stage.enrol(request)
    await stage.deliverDue()
    const [told] = stage.told
    assert.ok(told?.kind === 'success')
    const der = Buffer.from(certificateHex ?? '', 'hex')
    const certificate = new X509Certificate(der)
    assert.equal(told.thumbprintHex, createHash('sha1').update(der).digest('hex').toUpperCase())
    assert.equal(told.serialHex, certificate.serialNumber)
    assert.equal(told.notAfter.getTime(), certificate.validToDate.getTime())
    assert.equal(told.issuer, 'CN=Stage CA,O=Contoso')
    assert.equal(told.certificateAuthority, 'Stage CA')
    assert.equal(told.caConfiguration, 'connector-ca/main')
    assert.equal(told.transactionId, request.frame.transactionId)
    assert.deepEqual(new Uint8Array(told.csrDer), request.csr.der)
  })

  const names = [
    {
      title: 'with a comma, a plus and an equals sign',
      subject: name(['2.5.4.3', utf8('A, B + C = D')]),
      expected: 'A, B + C = D',
    },
    {
      title: 'with letters outside ASCII',
      subject: name(['2.5.4.3', utf8('Zertifikate für Geräte')]),
      expected: 'Zertifikate für Geräte',
    },
    {
      title: 'with control characters, which RFC 4514 text shows as hexadecimal pairs',
      subject: name(['2.5.4.3', utf8('one\ntwo')]),
      expected: 'one\ntwo',
    },
    {
      title: 'beside an organisation that looks like one',
      subject: name(['2.5.4.10', utf8('Evil,CN=Other')], ['2.5.4.3', utf8('Right')]),
      expected: 'Right',
    },
    {
      title: 'the most specific of several',
      subject: name(['2.5.4.3', printable('general')], ['2.5.4.3', printable('specific')]),
      expected: 'specific',
    },
    {
      title: 'of a CA without one: its id',
      subject: name(['2.5.4.10', utf8('Contoso')]),
      expected: 'main',
    },
  ]
  for (const { title, subject, expected } of names)
    test(`the common name of the CA ${title}`, async () => {
      assert.equal((await tellOf(subject)).certificateAuthority, expected)
    })

  test('a failure carries the HRESULT and the sentence that the device got', () => {
    const request = createDeviceRequest()
    const refusal = refusalFor('ca/unavailable')
    assert.deepEqual(failureOf(request, refusal), {
      kind: 'failure',
      transactionId: request.frame.transactionId,
      csrDer: request.csr.der,
      hResult: refusal.hResult,
      errorDescription: refusal.text,
    })
  })
})

describe('the identifier of a notification', () => {
  test('is a GUID, the same for one serial on every instance, and another for another', () => {
    assert.match(notificationIdOf('4A01'), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    assert.equal(notificationIdOf('4A01'), notificationIdOf('4A01'))
    assert.notEqual(notificationIdOf('4A01'), notificationIdOf('4A02'))
  })
})

test('the register keeps the end that the CA chose, not the one that was ordered', async () => {
  const keys = createEcKeys()
  const der = new Uint8Array(
    issueTestCertificate({
      subject: name(['2.5.4.3', utf8('device')]),
      publicKey: keys.publicKey,
      signingKey: keys.privateKey,
    }),
  )
  const intent = sampleIntent()
  const issued = describeIssued(intent, parseCertificate(der), start)
  assert.equal(issued.notAfter.getTime(), new X509Certificate(der).validToDate.getTime())
  assert.match(issued.thumbprintHex, /^[0-9A-F]{40}$/)
})
