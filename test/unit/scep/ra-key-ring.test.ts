import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { suite, test } from 'node:test'
import { ConnectorError, type ErrorCode } from '../../../src/kernel/index.ts'
import {
  encodeAuthorityKeyIdentifier,
  encodeKeyUsage,
  encodeNull,
  type KeyUsageName,
  keyIdentifierOf,
  parseSignedData,
} from '../../../src/pki/index.ts'
import { openRequest, prepareRaKeyRing, sealReply } from '../../../src/scep/index.ts'
import {
  buildCsr,
  buildMessage,
  defaultRules,
  makeCa,
  makeIdentity,
  makeRa,
  now,
  toRaMaterial,
} from './message-builder.ts'

const ca = makeCa()
const ra = makeRa(ca)
const device = makeIdentity('SCEP SIGNER')

function assertCode(code: ErrorCode, message: RegExp, work: () => unknown) {
  assert.throws(work, (error) => {
    assert.ok(error instanceof ConnectorError)
    assert.equal(error.code, code)
    assert.match(error.message, message)
    return true
  })
}

suite('RA key ring', () => {
  test('REQ-39: one current certificate for signing and one for encryption share the work', () => {
    const signing = makeIdentity('RA sign', {
      issuer: ca,
      serialHex: '11',
      extensions: [encodeKeyUsage(['digitalSignature'])],
    })
    const encryption = makeIdentity('RA enc', {
      issuer: ca,
      serialHex: '12',
      extensions: [encodeKeyUsage(['keyEncipherment'])],
    })
    const ring = prepareRaKeyRing([toRaMaterial(encryption), toRaMaterial(signing)])
    const csrDer = buildCsr(device)
    const opened = openRequest(buildMessage(device, encryption, csrDer), ring, defaultRules, now)
    assert.ok(opened.kind === 'opened')
    const reply = sealReply(opened.request.frame, { status: 'PENDING' }, ring, defaultRules, {
      now,
      random: (length) => new Uint8Array(length),
    })
    assert.deepEqual(parseSignedData(reply).certificates[0]?.der, signing.certificateDer)
    const wrong = openRequest(buildMessage(device, signing, csrDer), ring, defaultRules, now)
    assert.ok(wrong.kind === 'refused', 'a signing certificate receives nothing')
    assert.equal(wrong.refusal.failInfo, 'badMessageCheck')
  })

  test('REQ-39: the reply is signed by the partner of the certificate that was encrypted to, not by that of another CA', () => {
    const other = makeCa()
    const make = (issuer: typeof ca, usage: KeyUsageName, serialHex: string) =>
      makeIdentity(`RA ${usage}`, {
        issuer,
        serialHex,
        extensions: [
          encodeKeyUsage([usage]),
          encodeAuthorityKeyIdentifier(keyIdentifierOf(issuer.spkiDer)),
        ],
      })
    const first = [make(other, 'keyEncipherment', '21'), make(other, 'digitalSignature', '22')]
    const encryption = make(ca, 'keyEncipherment', '23')
    const signing = make(ca, 'digitalSignature', '24')
    const ring = prepareRaKeyRing(
      [...first, encryption, signing].map((identity) => toRaMaterial(identity)),
    )
    const opened = openRequest(
      buildMessage(device, encryption, buildCsr(device)),
      ring,
      defaultRules,
      now,
    )
    assert.ok(opened.kind === 'opened')
    const reply = sealReply(opened.request.frame, { status: 'PENDING' }, ring, defaultRules, {
      now,
      random: (length) => new Uint8Array(length),
    })
    assert.deepEqual(parseSignedData(reply).certificates[0]?.der, signing.certificateDer)
  })

  test('a certificate without key usage does both', () => {
    const plain = makeIdentity('RA', { issuer: ca })
    assert.equal(prepareRaKeyRing([toRaMaterial(plain)]).signer.canDecrypt, true)
  })

  test('a ring needs a current key for each job', () => {
    assertCode('config/invalid', /digitalSignature/, () => prepareRaKeyRing([]))
    assertCode('config/invalid', /digitalSignature/, () =>
      prepareRaKeyRing([toRaMaterial(ra, false)]),
    )
    const signing = makeIdentity('RA', { extensions: [encodeKeyUsage(['digitalSignature'])] })
    assertCode('config/invalid', /keyEncipherment/, () => prepareRaKeyRing([toRaMaterial(signing)]))
  })

  test('REQ-40: an RA key is RSA of at least 2048 bits', () => {
    const weak = makeIdentity('RA', {
      key: generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey,
    })
    const elliptic = makeIdentity('RA', {
      key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    })
    assertCode('config/invalid', /1024 bits/, () => prepareRaKeyRing([toRaMaterial(weak)]))
    assertCode('config/invalid', /RSA/, () => prepareRaKeyRing([toRaMaterial(elliptic)]))
  })

  test('a key that is unreadable or belongs to another certificate is told apart from a bad certificate', () => {
    const material = toRaMaterial(ra)
    assertCode('key/unreadable', /PKCS #8/, () =>
      prepareRaKeyRing([{ ...material, keyPkcs8Der: encodeNull() }]),
    )
    assertCode('key/unreadable', /belong/, () =>
      prepareRaKeyRing([{ ...material, certificateDer: device.certificateDer }]),
    )
    assertCode('pki/malformed', /certificate/, () =>
      prepareRaKeyRing([{ ...material, certificateDer: encodeNull() }]),
    )
  })
})
