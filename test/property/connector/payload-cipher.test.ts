import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createChallengeHash, createPayloadCipher } from '../../../src/connector/index.ts'
import { ConnectorError } from '../../../src/kernel/index.ts'

const dataKey = fc.uint8Array({ minLength: 32, maxLength: 32 })
const plain = fc.uint8Array({ maxLength: 4096 })

function isUnreadable(error: unknown): boolean {
  return error instanceof ConnectorError && error.code === 'key/unreadable'
}

describe('the payload cipher', () => {
  test('opens what it sealed', () => {
    fc.assert(
      fc.property(dataKey, plain, (key, bytes) => {
        const cipher = createPayloadCipher(key)
        assert.deepEqual(cipher.open(cipher.seal(bytes)), bytes)
      }),
    )
  })

  test('never seals the same twice, and never in clear', () => {
    fc.assert(
      fc.property(dataKey, fc.uint8Array({ minLength: 16, maxLength: 512 }), (key, bytes) => {
        const cipher = createPayloadCipher(key)
        const sealed = cipher.seal(bytes)
        assert.notDeepEqual(sealed, cipher.seal(bytes))
        assert.equal(Buffer.from(sealed).indexOf(bytes), -1)
      }),
    )
  })

  test('opens nothing that was changed, cut or is of another key', () => {
    fc.assert(
      fc.property(
        dataKey,
        plain,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (key, bytes, at, flip) => {
          const cipher = createPayloadCipher(key)
          const sealed = cipher.seal(bytes)
          const changed = Uint8Array.from(sealed)
          const index = at % changed.length
          changed[index] = (changed[index] ?? 0) ^ flip
          const otherKey = Uint8Array.from(key)
          otherKey[at % 32] = (otherKey[at % 32] ?? 0) ^ flip
          assert.throws(() => cipher.open(changed), isUnreadable)
          assert.throws(() => cipher.open(sealed.subarray(0, index)), isUnreadable)
          assert.throws(() => createPayloadCipher(otherKey).open(sealed), isUnreadable)
        },
      ),
    )
  })

  test('any bytes open or are refused as unreadable', () => {
    const cipher = createPayloadCipher(new Uint8Array(32))
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 256 }), (bytes) => {
        assert.throws(() => cipher.open(bytes), isUnreadable)
      }),
    )
  })
})

test('the hash of a challenge tells equal from different, under one key', () => {
  fc.assert(
    fc.property(dataKey, fc.string(), fc.string(), (key, one, other) => {
      const hash = createChallengeHash(key)
      assert.match(hash(one), /^[0-9a-f]{16}$/)
      assert.equal(hash(one), createChallengeHash(key)(one))
      assert.equal(hash(one) === hash(other), one === other)
    }),
  )
})
