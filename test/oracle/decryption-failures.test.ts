import assert from 'node:assert/strict'
import { constants, createHash, publicEncrypt, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { openRequest, prepareRaKeyRing, sealReply } from '../../src/scep/index.ts'
import {
  createMessage,
  createShapeWorld,
  type EnvelopeShape,
  MADE_AT,
  octetString,
  raMaterials,
  scepRules,
  type TestKeyTransport,
} from '../support/scep-messages/index.ts'

const world = createShapeWorld()
const { ra, strangerRa } = world.authority
const ring = prepareRaKeyRing(raMaterials(world.authority))
const rules = scepRules()

/** A source of "random" octets that repeats itself, so that replies can be compared octet for octet. */
function repeatableRandom(): (length: number) => Uint8Array {
  let count = 0
  return (length) => {
    count += 1
    return createHash('shake256', { outputLength: length }).update(String(count)).digest()
  }
}

const senderNonce = octetString(Buffer.alloc(16, 6))
const noise = randomBytes(256)
// Below every 2048-bit modulus.
noise[0] = 0
const toStranger = publicEncrypt(
  { key: strangerRa.publicKey, padding: constants.RSA_PKCS1_PADDING },
  randomBytes(16),
)
const toRa = { certificateDer: ra.certificateDer }
const failures: readonly (readonly [title: string, envelope: Partial<EnvelopeShape>])[] = [
  ['a content key of a wrong length', { recipients: [{ ...toRa, keyBytes: 24 }] }],
  ['a content key of one octet', { recipients: [{ ...toRa, keyBytes: 1 }] }],
  ['another content key of the right length', { recipients: [{ ...toRa, keyBytes: 16 }] }],
  ['an encrypted key of noise', { recipients: [{ ...toRa, encryptedKey: noise }] }],
  ['an encrypted key of zeros', { recipients: [{ ...toRa, encryptedKey: Buffer.alloc(256) }] }],
  [
    'an encrypted key beyond the modulus',
    { recipients: [{ ...toRa, encryptedKey: Buffer.alloc(256, 0xff) }] },
  ],
  [
    'an encrypted key that is short',
    { recipients: [{ ...toRa, encryptedKey: Buffer.alloc(17, 1) }] },
  ],
  [
    'an encrypted key that is long',
    { recipients: [{ ...toRa, encryptedKey: Buffer.alloc(300, 1) }] },
  ],
  ['a key encrypted with another RA key', { recipients: [{ ...toRa, encryptedKey: toStranger }] }],
  [
    'wrong padding of the content',
    { tamper: (encrypted) => flip(encrypted, encrypted.length - 17) },
  ],
  [
    'content that is no multiple of the block',
    { tamper: (encrypted) => encrypted.subarray(0, -3) },
  ],
  ['content of noise', { tamper: (encrypted) => randomBytes(encrypted.length) }],
  [
    'content that decrypts to no ASN.1',
    { content: Buffer.from('no certification request at all') },
  ],
  ['content that decrypts to nothing', { content: Buffer.alloc(0) }],
  ['content that decrypts to another structure', { content: Buffer.from('30030201ff', 'hex') }],
  ['a changed CSR', { tamper: (encrypted) => flip(encrypted, 100) }],
]

const cases: readonly (readonly [TestKeyTransport, 'aes-128-cbc' | 'des-ede3-cbc'])[] = [
  ['pkcs1', 'aes-128-cbc'],
  ['pkcs1', 'des-ede3-cbc'],
  ['oaep-sha1', 'aes-128-cbc'],
  ['oaep-sha256', 'aes-128-cbc'],
]

for (const [keyTransport, cipher] of cases) {
  const usual = replyTo({ recipients: [{ ...toRa, keyBytes: 5 }], keyTransport, cipher })
  for (const [title, envelope] of failures) {
    test(`REQ-100, REQ-191: ${keyTransport}, ${cipher}: ${title} is answered like every decryption failure`, () => {
      const reply = replyTo({ ...envelope, keyTransport, cipher })
      assert.ok(reply.equals(usual), 'the reply tells more than that decryption failed')
    })
  }
}

test('a good request is not answered like that', () => {
  const { messageDer } = createMessage(world)
  assert.equal(openRequest(messageDer, ring, rules, MADE_AT).kind, 'opened')
})

test('REQ-100, REQ-107: a CSR signed by another key gets the same reply as a decryption failure', () => {
  const usual = replyTo({ recipients: [{ ...toRa, keyBytes: 5 }] })
  const { messageDer } = createMessage(world, {
    csr: { signingKey: world.otherDevice.privateKey },
    message: { senderNonce },
  })
  assert.ok(answer(messageDer).equals(usual))
})

function replyTo(envelope: Partial<EnvelopeShape>): Buffer {
  return answer(createMessage(world, { envelope, message: { senderNonce } }).messageDer)
}

function answer(messageDer: Uint8Array): Buffer {
  const outcome = openRequest(messageDer, ring, rules, MADE_AT)
  assert.equal(outcome.kind, 'refused')
  if (outcome.kind !== 'refused') throw new Error('unreachable')
  const { frame, refusal } = outcome
  assert.equal(refusal.failInfo, 'badMessageCheck')
  const context = { now: MADE_AT, random: repeatableRandom() }
  const reply = sealReply(frame, { status: 'FAILURE', refusal }, ring, rules, context)
  return Buffer.from(reply)
}

function flip(encrypted: Buffer, at: number): Buffer {
  encrypted[at] = (encrypted[at] ?? 0) ^ 0x40
  return encrypted
}
