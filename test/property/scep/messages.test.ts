import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { ConnectorError } from '../../../src/kernel/index.ts'
import {
  cipherTraits,
  decryptContent,
  encodeContentCipher,
  encodeKeyTransport,
  encodePrintableString,
  encodeUtf8String,
  encryptContent,
  findText,
  OID,
  parseElement,
  parseSignedData,
  readContentCipher,
  readKeyTransport,
  readSignerInfo,
} from '../../../src/pki/index.ts'
import {
  type ContentCipher,
  type FailInfo,
  type KeyTransport,
  matchScepPath,
  openRequest,
  parseHttpRequest,
  prepareRaKeyRing,
  sealReply,
} from '../../../src/scep/index.ts'
import {
  buildCsr,
  buildMessage,
  defaultRules,
  makeCa,
  makeIdentity,
  makeRa,
  now,
  toRaMaterial,
} from '../../unit/scep/message-builder.ts'

const ra = makeRa(makeCa())
const device = makeIdentity('SCEP SIGNER')
const ring = prepareRaKeyRing([toRaMaterial(ra)])
const random = (length: number) => new Uint8Array(randomBytes(length))

const cipher = fc.constantFrom<ContentCipher>(
  'des-cbc',
  'des-ede3-cbc',
  'aes-128-cbc',
  'aes-192-cbc',
  'aes-256-cbc',
  'aes-128-gcm',
  'aes-256-gcm',
)
const transport = fc.constantFrom<KeyTransport>(
  'pkcs1',
  'oaep-sha1',
  'oaep-sha256',
  'oaep-sha384',
  'oaep-sha512',
)
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 })

test('every combination of cipher, transport, digest, BER, identifier and nonce opens to what was sent', () => {
  const shape = fc.record({
    cipher,
    transport,
    digest: fc.constantFrom('sha1', 'sha256', 'sha512'),
    ber: fc.boolean(),
    unsorted: fc.boolean(),
    signature: fc.constantFrom('rsaEncryption', 'hashWithRsa', 'pss'),
    transactionIdDer: text.map(encodeUtf8String),
    senderNonce: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  })
  fc.assert(
    fc.property(shape, text, (options, challenge) => {
      const csrDer = buildCsr(device, { challengeDer: encodeUtf8String(challenge) })
      const message = buildMessage(device, ra, csrDer, options)
      const outcome = openRequest(message, ring, { ...defaultRules, allowDes: true }, now)
      assert.ok(outcome.kind === 'opened', JSON.stringify(outcome))
      const { csr, frame } = outcome.request
      assert.deepEqual(csr.der, csrDer)
      assert.equal(csr.challengePassword, challenge)
      assert.deepEqual(
        [frame.cipher, frame.keyTransport, frame.digest],
        [options.cipher, options.transport, options.digest],
      )
      assert.deepEqual(frame.transactionIdDer, options.transactionIdDer)
      assert.deepEqual(frame.senderNonce, options.senderNonce)
    }),
    { numRuns: 60 },
  )
})

test('a refusal of any text and nonce is sealed so that it can be read back', () => {
  const message = buildMessage(device, ra, buildCsr(device))
  const outcome = openRequest(message, ring, defaultRules, now)
  assert.ok(outcome.kind === 'opened')
  const { frame } = outcome.request
  const failInfo = fc.constantFrom<FailInfo>(
    'badAlg',
    'badMessageCheck',
    'badRequest',
    'badTime',
    'badCertId',
  )
  const nonce = fc.option(fc.uint8Array({ minLength: 1, maxLength: 64 }), { nil: undefined })
  fc.assert(
    fc.property(failInfo, text, fc.integer(), nonce, (info, told, hResult, senderNonce) => {
      const refusal = { failInfo: info, text: told, hResult }
      const der = sealReply(
        { ...frame, senderNonce },
        { status: 'FAILURE', refusal },
        ring,
        defaultRules,
        { now, random },
      )
      const [signerInfo] = parseSignedData(der).signerInfos
      assert.ok(signerInfo !== undefined)
      const values = new Map(
        readSignerInfo(signerInfo).attributes.map((attribute) => [
          attribute.oid,
          attribute.values[0],
        ]),
      )
      const textOf = (oid: string) =>
        findText(values.get(oid) ?? parseElement(encodePrintableString('')))
      assert.equal(textOf(OID.failInfoText), told)
      assert.equal(textOf(OID.microsoftScepError), String(hResult))
      assert.equal(
        textOf(OID.failInfo),
        String(['badAlg', 'badMessageCheck', 'badRequest', 'badTime', 'badCertId'].indexOf(info)),
      )
      assert.deepEqual(values.get(OID.recipientNonce)?.value, senderNonce)
      assert.equal(values.get(OID.senderNonce)?.value.length, senderNonce?.length ?? 16)
      assert.equal(parseElement(der).isDer, true)
    }),
    { numRuns: 40 },
  )
})

test('content of any length survives every cipher, and not another key', () => {
  fc.assert(
    fc.property(cipher, fc.uint8Array({ maxLength: 200 }), (name, content) => {
      const { keyLength, ivLength } = cipherTraits(name)
      const [key, iv] = [random(keyLength), random(ivLength)]
      const encrypted = encryptContent(name, key, iv, content)
      assert.deepEqual(decryptContent(name, key, iv, encrypted), content)
      const read = readContentCipher(parseElement(encodeContentCipher(name, iv)))
      assert.deepEqual(read, { cipher: name, iv })
      assert.notDeepEqual(decryptContent(name, random(keyLength), iv, encrypted), content)
      assert.equal(decryptContent(name, key, iv, encrypted.subarray(1)), undefined)
    }),
  )
})

test('key transports are read as they are written', () => {
  fc.assert(
    fc.property(transport, (name) => {
      assert.equal(readKeyTransport(parseElement(encodeKeyTransport(name))), name)
    }),
  )
})

test('a message in a query is read however its base64 is broken up and escaped', () => {
  const escape = (base64: string, how: number) =>
    [
      base64,
      encodeURIComponent(base64),
      encodeURIComponent(encodeURIComponent(base64)),
      base64.replaceAll('+', ' '),
      base64.replaceAll('=', ''),
      base64.replaceAll('+', '-').replaceAll('/', '_'),
      base64.replaceAll(/.{64}/g, '$&%0D%0A'),
    ][how] ?? base64
  const query = fc.uint8Array({ minLength: 1, maxLength: 500 })
  fc.assert(
    fc.property(query, fc.nat(6), (message, how) => {
      const base64 = escape(Buffer.from(message).toString('base64'), how)
      const target = `/scep?operation=PKIOperation&message=${base64}`
      assert.deepEqual(parseHttpRequest('GET', target, new Uint8Array()).messageDer, message)
    }),
    { numRuns: 300 },
  )
})

test('any request target is read or refused with scep/malformed', () => {
  const target = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.webUrl({ withQueryParameters: true }),
    fc.string({ maxLength: 300 }).map((rest) => `/scep?operation=PKIOperation&message=${rest}`),
  )
  fc.assert(
    fc.property(
      fc.constantFrom('GET', 'POST', 'HEAD'),
      target,
      fc.uint8Array(),
      (method, url, body) => {
        try {
          const { path } = parseHttpRequest(method, url, body)
          matchScepPath(path)
        } catch (error) {
          assert.ok(
            error instanceof ConnectorError && error.code === 'scep/malformed',
            String(error),
          )
        }
      },
    ),
    { numRuns: 500 },
  )
})

test('any octets that are no message are refused with scep/malformed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1_000 }), (bytes) => {
      assert.throws(
        () => openRequest(bytes, ring, defaultRules, now),
        (error) => error instanceof ConnectorError && error.code === 'scep/malformed',
      )
    }),
    { numRuns: 500 },
  )
})
