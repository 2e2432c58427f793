import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { isIssuedUnder } from '../../../src/connector/pkcs/device-chain.ts'
import { judgeRecipient } from '../../../src/connector/pkcs/device-recipient.ts'
import { parseCertificate } from '../../../src/pki/index.ts'
import { DEVICE_ID, recipientOf } from '../../support/pkcs-samples.ts'
import { createFolder, openssl } from '../ca/ca-fixtures.ts'

const folder = createFolder()
after(() => folder[Symbol.dispose]())
const der = (name: string): Uint8Array =>
  new Uint8Array(new X509Certificate(readFileSync(join(folder.path, `${name}.crt`))).raw)
const ca = 'basicConstraints=critical,CA:TRUE'

/** A certificate with these extensions; without an issuer it signs itself. */
function issue(name: string, issuer: string | undefined, subject: string, ...extensions: string[]) {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const files = ['-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject]
  openssl(folder.path, 'req', '-new', ...key, ...files)
  writeFileSync(join(folder.path, 'extensions'), extensions.join('\n'))
  const by =
    issuer === undefined
      ? ['-signkey', `${name}.key`]
      : ['-CA', `${issuer}.crt`, '-CAkey', `${issuer}.key`, '-CAcreateserial']
  const words = ['x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, '-days', '30']
  openssl(folder.path, ...words, '-extfile', 'extensions', ...by)
}
issue('root', undefined, '/CN=root', ca)
issue('short-root', undefined, '/CN=short', `${ca},pathlen:0`)
issue('policy', 'root', '/CN=policy', ca)
issue('issuing', 'policy', '/CN=issuing', `${ca},pathlen:0`, 'keyUsage=critical,keyCertSign')
issue('device', 'issuing', `/CN=${DEVICE_ID}`, 'basicConstraints=critical,CA:FALSE')
issue('under-device', 'device', `/CN=${DEVICE_ID}`)
issue('below-limit', 'issuing', '/CN=too low', ca)
issue('too-low', 'below-limit', `/CN=${DEVICE_ID}`)
issue('no-signer', 'root', '/CN=no signer', ca, 'keyUsage=critical,digitalSignature')
issue('under-no-signer', 'no-signer', `/CN=${DEVICE_ID}`)
issue('limited', 'root', '/CN=limited', ca, 'nameConstraints=critical,permitted;DNS:a.example')
issue('under-limited', 'limited', `/CN=${DEVICE_ID}`)
issue('hinted', 'root', '/CN=hinted', ca, 'nameConstraints=permitted;DNS:a.example')
issue('under-hinted', 'hinted', `/CN=${DEVICE_ID}`)
issue('short', 'short-root', '/CN=below short', ca)
issue('under-short', 'short', `/CN=${DEVICE_ID}`)
issue('stranger', undefined, '/CN=stranger', ca)
issue('strange-issuing', 'stranger', '/CN=issuing', ca)
issue('strange', 'strange-issuing', `/CN=${DEVICE_ID}`)

const leads = (name: string, sent: readonly string[], trusted = ['root'], now = new Date()) =>
  isIssuedUnder(
    parseCertificate(der(name)),
    sent.map(der),
    trusted.map((one) => parseCertificate(der(one))),
    now,
  )

describe('the way from a device to an issuer that is trusted', () => {
  test('leads over the intermediates that came along, in any order, as OpenSSL finds it', () => {
    assert.ok(leads('device', ['policy', 'issuing']))
    assert.ok(leads('device', ['strange-issuing', 'issuing', 'stranger', 'policy']))
    assert.ok(leads('device', ['issuing'], ['policy']))
    assert.ok(leads('device', [], ['issuing']))
    const both = ['policy', 'issuing'].map((name) => readFileSync(join(folder.path, `${name}.crt`)))
    writeFileSync(join(folder.path, 'both.pem'), Buffer.concat(both))
    openssl(folder.path, 'verify', '-CAfile', 'root.crt', '-untrusted', 'both.pem', 'device.crt')
  })

  for (const [title, name, sent, trusted] of [
    ['an intermediate is missing', 'device', ['issuing']],
    ['nobody is trusted', 'device', ['policy', 'issuing', 'root'], []],
    ['the root that came along is a stranger', 'strange', ['strange-issuing', 'stranger']],
    ['another CA of the same name signed', 'strange', ['issuing', 'policy']],
    ['the last issuer is a device', 'under-device', ['device', 'issuing', 'policy']],
    ['a path length is exceeded', 'too-low', ['below-limit', 'issuing', 'policy']],
    ['an intermediate may not sign certificates', 'under-no-signer', ['no-signer']],
    ['an intermediate has a critical limit that is not checked', 'under-limited', ['limited']],
    ['an intermediate has such a limit that is not marked critical', 'under-hinted', ['hinted']],
    ['the trusted issuer allows no intermediates', 'under-short', ['short'], ['short-root']],
  ] as const)
    test(`leads nowhere where ${title}`, () => {
      assert.equal(leads(name, sent, [...(trusted ?? ['root'])]), false)
    })

  test('leads nowhere once an intermediate has ended', () => {
    const later = new Date(Date.now() + 31 * 86_400_000)
    assert.equal(leads('device', ['policy', 'issuing'], ['root'], later), false)
  })

  test('certificates that sign each other, or cannot be read, end the search', () => {
    const rubbish = [new Uint8Array([0x30, 0x00]), ...Array.from({ length: 7 }, () => der('root'))]
    assert.equal(isIssuedUnder(parseCertificate(der('strange')), rubbish, [], new Date()), false)
  })

  test('is what decides over a receiver: with its chain it is accepted, without it refused', () => {
    const rules = {
      deviceIssuers: [parseCertificate(der('root'))],
      minProfile: 'standard',
    } as const
    const recipient = recipientOf(der('device'))
    const chain = [der('policy'), der('issuing')]
    const judge = (sent: readonly Uint8Array[]) =>
      judgeRecipient({ ...recipient, chain: sent }, DEVICE_ID, rules, new Date()).kind
    assert.deepEqual([judge(chain), judge([])], ['accepted', 'refused'])
  })
})
