import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { test } from 'node:test'
import {
  createKeyPairs,
  generateKeys,
  type KeyPair,
} from '../../../src/connector/pkcs/key-pairs.ts'
import { parsePublicKey } from '../../../src/pki/index.ts'

const settle = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve))

test('keys are PKCS #8, of the size that was asked for', async () => {
  for (const [kind, bits] of [
    ['rsa2048', 2048],
    ['p256', 256],
    ['p384', 384],
    ['p521', 521],
  ] as const) {
    const { keyDer, spkiDer } = await generateKeys(kind)
    assert.ok(createPrivateKey({ key: Buffer.from(keyDer), format: 'der', type: 'pkcs8' }))
    assert.equal(parsePublicKey(spkiDer).bits, bits)
  }
})

test('RSA keys are made ahead once a size was asked for, each is given once, and a stop clears the others', async () => {
  const made: KeyPair[] = []
  const keyPairs = createKeyPairs(2, async () => {
    const pair = { keyDer: Uint8Array.of(1, made.length), spkiDer: Uint8Array.of(made.length) }
    made.push(pair)
    return pair
  })
  assert.equal(made.length, 0)
  const first = await keyPairs.take('rsa2048')
  await settle()
  assert.equal(made.length, 3)
  const second = await keyPairs.take('rsa2048')
  await settle()
  assert.equal(made.length, 4)
  assert.notEqual(first, second)
  keyPairs.stop()
  assert.deepEqual(
    made.map(({ keyDer }) => keyDer[0]),
    [1, 1, 0, 0],
  )
})

test('a key that cannot be made ahead is made when it is asked for', async () => {
  let calls = 0
  const keyPairs = createKeyPairs(1, async () => {
    calls += 1
    if (calls === 2) throw new Error('no entropy')
    return { keyDer: new Uint8Array(1), spkiDer: new Uint8Array(1) }
  })
  await keyPairs.take('rsa2048')
  await settle()
  assert.ok(await keyPairs.take('rsa2048'))
})
