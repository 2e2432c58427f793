import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, describe, test } from 'node:test'
import { Secret } from '../../src/kernel/index.ts'
import {
  encodePasswordRecipient,
  parseElement,
  parseSignedData,
  readPasswordRecipient,
  readSignedContent,
  unwrapWithPassword,
} from '../../src/pki/index.ts'
import { openRequest, prepareRaKeyRing, type ScepRules, sealReply } from '../../src/scep/index.ts'
import {
  commonName,
  createOpensslFolder,
  createShapeWorld,
  encodeTestRequest,
  issueTestCertificate,
  MADE_AT,
  opensslIsMissing,
  printable,
  raMaterials,
  scepRules,
  sealMessage,
} from '../support/scep-messages/index.ts'

const skip = opensslIsMissing()
const password = 'a shared challenge'
const rules = scepRules({ recipientPassword: new Secret(password) })
const world = createShapeWorld()
const ring = prepareRaKeyRing(raMaterials(world.authority))
const folder = createOpensslFolder()
after(() => folder.close())

/** A message whose envelope the `openssl` command made by a password. */
function messageOf(content: Uint8Array, options: readonly string[] = ['-aes256'], word = password) {
  folder.put('content.der', content)
  folder.run(
    'cms',
    '-encrypt',
    '-binary',
    ...options,
    '-pwri_password',
    word,
    '-in',
    folder.path('content.der'),
    '-outform',
    'DER',
    '-out',
    folder.path('envelope.der'),
  )
  return createMessageWith(folder.get('envelope.der'))
}

function createMessageWith(envelopeDer: Uint8Array) {
  return sealMessage({ ...signedParts(), content: envelopeDer })
}

const signer = {
  privateKey: world.device.privateKey,
  certificateDer: issueTestCertificate({
    subject: commonName('SCEP SIGNER'),
    publicKey: world.device.publicKey,
    signingKey: world.device.privateKey,
  }),
}

function signedParts() {
  return {
    signer,
    transactionId: printable('by password'),
  }
}

function csrDer(): Uint8Array {
  return encodeTestRequest({ keys: world.device, challenge: printable(password) })
}

function open(message: Uint8Array, with_: ScepRules = rules) {
  return openRequest(message, ring, with_, MADE_AT)
}

describe('REQ-105: messages encrypted by the static challenge', () => {
  for (const options of [['-aes128'], ['-aes192'], ['-aes256']] as const) {
    test(`REQ-105: what openssl ${options.join(' ')} makes is opened, and openssl opens the answer`, {
      skip,
    }, () => {
      const outcome = open(messageOf(csrDer(), options))
      assert.ok(outcome.kind === 'opened', JSON.stringify(outcome))
      const { frame, csr } = outcome.request
      assert.equal(csr.challengePassword, password)
      assert.equal(frame.isByPassword, true)
      const certificateDer = world.authority.issuing.certificateDer
      const reply = { status: 'SUCCESS', certificateDer, chainDer: [] } as const
      const sealed = sealReply(frame, reply, ring, rules, {
        now: MADE_AT,
        random: (length) => new Uint8Array(randomBytes(length)),
      })
      const content = readSignedContent(parseSignedData(sealed))
      folder.put('reply.der', content?.octets ?? new Uint8Array())
      folder.run(
        'cms',
        '-decrypt',
        '-binary',
        '-inform',
        'DER',
        '-in',
        folder.path('reply.der'),
        '-pwri_password',
        password,
        '-out',
        folder.path('inner.der'),
      )
      const inner = parseSignedData(folder.get('inner.der'))
      assert.deepEqual(Buffer.from(inner.certificates[0]?.der ?? []), Buffer.from(certificateDer))
    })
  }

  test('REQ-105, REQ-100: another password, a tampered key and content that is none are one and the same refusal', {
    skip,
  }, () => {
    const tampered = Buffer.from(messageWithBrokenKey())
    const refusals = [
      messageOf(csrDer(), ['-aes256'], 'a guess'),
      tampered,
      messageOf(Buffer.from('no CSR')),
    ].map((message) => {
      const outcome = open(message)
      assert.ok(outcome.kind === 'refused')
      return outcome.refusal
    })
    for (const refusal of refusals) assert.deepEqual(refusal, refusals[0])
    assert.equal(refusals[0]?.failInfo, 'badMessageCheck')
  })

  test('REQ-105: without a static challenge it is badAlg', { skip }, () => {
    const outcome = open(messageOf(csrDer()), scepRules())
    assert.ok(outcome.kind === 'refused')
    assert.equal(outcome.refusal.failInfo, 'badAlg')
  })

  function messageWithBrokenKey(): Uint8Array {
    messageOf(csrDer())
    const envelope = Buffer.from(folder.get('envelope.der'))
    // The wrapped key is the 48 octets in front of the EncryptedContentInfo.
    const at = envelope.indexOf(Buffer.from('300b06092a864886f70d010701'.slice(4), 'hex'))
    envelope.writeUInt8(envelope.readUInt8(at - 12) ^ 1, at - 12)
    return createMessageWith(envelope)
  }
})

describe('REQ-105: the wrapping itself', () => {
  const contentKey = new Uint8Array(randomBytes(24))
  const random = (length: number) => new Uint8Array(randomBytes(length))

  test('what is wrapped comes out, for every length of key; under another password something else', () => {
    for (const length of [8, 16, 24, 32]) {
      const key = new Uint8Array(randomBytes(length))
      const recipient = readPasswordRecipient(
        parseElement(encodePasswordRecipient(key, 'päss', random)),
      )
      assert.deepEqual(unwrapWithPassword(recipient, 'päss', length), key)
      const wrong = unwrapWithPassword(recipient, 'pass', length)
      assert.equal(wrong.length, length)
      assert.notDeepEqual(wrong, key)
      assert.equal(unwrapWithPassword(recipient, 'päss', length + 8).length, length + 8)
    }
  })

  const good = encodePasswordRecipient(contentKey, 'secret', random)
  for (const [title, from, to, code] of [
    ['more iterations than 10,000', '02022710', '02022711', 'pki/unsupported-algorithm'],
    ['no iterations', '02022710', '02020000', 'pki/malformed'],
    [
      'another derivation',
      '06092a864886f70d01050c',
      '06092a864886f70d01050d',
      'pki/unsupported-algorithm',
    ],
    [
      'another wrapping',
      '060b2a864886f70d0109100309',
      '060b2a864886f70d0109100306',
      'pki/unsupported-algorithm',
    ],
    [
      'another cipher',
      '0609608648016503040 12a'.replace(' ', ''),
      '060960864801650304012e',
      'pki/unsupported-algorithm',
    ],
    ['another PRF', '06082a864886f70d0209', '06082a864886f70d0206', 'pki/unsupported-algorithm'],
  ] as const) {
    test(`${title}: ${code}`, () => {
      const hex = Buffer.from(good).toString('hex')
      assert.ok(hex.includes(from), 'the place to change is there')
      const changed = Buffer.from(hex.replace(from, to), 'hex')
      assert.throws(() => readPasswordRecipient(parseElement(new Uint8Array(changed))), { code })
    })
  }
})
