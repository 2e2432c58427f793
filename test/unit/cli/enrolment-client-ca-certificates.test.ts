import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fingerprintsOf, parseCaCertificates } from '../../../src/cli/enrolment-client/index.ts'
import { ConnectorError } from '../../../src/kernel/index.ts'
import { certificateBag, createTestAuthority, MADE_AT } from '../../support/scep-messages/index.ts'

const { root, issuing, ra, strangerRa } = createTestAuthority()
const otherRoot = createTestAuthority().root
const all = [ra, issuing, root].map((one) => one.certificateDer)
const LIST = 'application/x-x509-ca-ra-cert'

test('recipient, signer and root are found in the list', () => {
  const found = parseCaCertificates(certificateBag(all), LIST, undefined, MADE_AT)
  assert.deepEqual(Buffer.from(found.recipient.der), Buffer.from(ra.certificateDer))
  assert.deepEqual(Buffer.from(found.root.der), Buffer.from(root.certificateDer))
  assert.equal(found.signers.length, 1)
  assert.equal(found.authorities.length, 2)
})

test('the order of the list does not matter', () => {
  const found = parseCaCertificates(certificateBag(all.toReversed()), LIST, undefined, MADE_AT)
  assert.deepEqual(Buffer.from(found.recipient.der), Buffer.from(ra.certificateDer))
})

test('the root is accepted by its SHA-1 or SHA-256, with or without colons', () => {
  const { sha1Hex, sha256Hex } = fingerprintsOf(root.certificateDer)
  const colons = sha256Hex.toLowerCase().match(/../g)?.join(':')
  for (const print of [sha1Hex, sha256Hex, colons]) {
    parseCaCertificates(certificateBag(all), LIST, print, MADE_AT)
  }
})

test('another root than expected is refused with the fingerprint found', () => {
  const expected = fingerprintsOf(otherRoot.certificateDer).sha256Hex
  const { sha256Hex } = fingerprintsOf(root.certificateDer)
  assert.throws(
    () => parseCaCertificates(certificateBag(all), LIST, expected, MADE_AT),
    hasCode('scep/bad-signature', new RegExp(sha256Hex)),
  )
})

test('a list without the issuer of the RA is refused', () => {
  const list = certificateBag([ra.certificateDer, root.certificateDer])
  assert.throws(
    () => parseCaCertificates(list, LIST, undefined, MADE_AT),
    hasCode('scep/bad-signature', /issuer/),
  )
})

test('a root of the same name with another key is no issuer', () => {
  const list = certificateBag([ra.certificateDer, issuing.certificateDer, otherRoot.certificateDer])
  assert.throws(
    () => parseCaCertificates(list, LIST, undefined, MADE_AT),
    hasCode('scep/bad-signature', /issuer/),
  )
})

test('expired certificates are refused with their dates', () => {
  const late = new Date('2040-01-01T00:00:00Z')
  assert.throws(
    () => parseCaCertificates(certificateBag(all), LIST, undefined, late),
    hasCode('scep/bad-time', /2031/),
  )
})

test('a second RA of the list may sign too', () => {
  const list = certificateBag([ra.certificateDer, strangerRa.certificateDer, ...all.slice(1)])
  assert.equal(parseCaCertificates(list, LIST, undefined, MADE_AT).signers.length, 2)
})

test('a single CA certificate with an EC key cannot be encrypted to', () => {
  assert.throws(
    () =>
      parseCaCertificates(root.certificateDer, 'application/x-x509-ca-cert', undefined, MADE_AT),
    hasCode('pki/unsupported-algorithm', /RSA/),
  )
})

for (const [title, body] of [
  ['an empty list', certificateBag([])],
  ['an HTML page', Buffer.from('<html></html>')],
  ['a certificate in place of a list', root.certificateDer],
] as const) {
  test(`${title} is malformed`, () => {
    assert.throws(
      () => parseCaCertificates(body, LIST, undefined, MADE_AT),
      hasCode('pki/malformed', /./),
    )
  })
}

function hasCode(code: string, message: RegExp) {
  return (error: unknown) => {
    if (!(error instanceof ConnectorError)) return false
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return true
  }
}
