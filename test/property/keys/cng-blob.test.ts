import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { ConnectorError } from '../../../src/kernel/index.ts'
import { encodeCngBlob, parseCngBlob } from '../../../src/keys/index.ts'

const kinds = ['public', 'private', 'fullPrivate'] as const
const made = [512, 521, 767, 1000, 1024].map(
  (modulusLength) => generateKeyPairSync('rsa', { modulusLength }).privateKey,
)

test('a key of any length comes back from its blob of any form', () => {
  fc.assert(
    fc.property(fc.constantFrom(...made), fc.constantFrom(...kinds), (key, kind) => {
      const back = parseCngBlob(encodeCngBlob(key, kind))
      assert.equal(back.kind, kind)
      assert.equal(back.key.type, kind === 'public' ? 'public' : 'private')
      const publicKey = kind === 'public' ? back.key : createPublicKey(back.key)
      assert.ok(publicKey.equals(createPublicKey(key)))
      assert.deepEqual(encodeCngBlob(back.key, kind), encodeCngBlob(back.key, back.kind))
    }),
    { numRuns: 40 },
  )
})

test('changed or made-up octets give a key or key/unreadable, and nothing else', () => {
  const blobs = made.flatMap((key) => kinds.map((kind) => encodeCngBlob(key, kind)))
  const changed = fc
    .tuple(fc.constantFrom(...blobs), fc.nat(), fc.integer({ min: 1, max: 255 }), fc.nat(3))
    .map(([blob, at, bits, cut]) => {
      const copy = Uint8Array.from(blob).subarray(0, blob.length - cut)
      copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ bits
      return copy
    })
  fc.assert(
    fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      try {
        parseCngBlob(bytes)
      } catch (error) {
        assert.ok(error instanceof ConnectorError, String(error))
        assert.equal(error.code, 'key/unreadable')
      }
    }),
    { numRuns: 300 },
  )
})
