import assert from 'node:assert/strict'
import { createCipheriv, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { decryptContent } from '../../../src/pki/index.ts'

const key = randomBytes(16)
const iv = randomBytes(16)

/** Encrypts whole blocks as they are. */
function encryptBlocks(blocks: Buffer): Buffer {
  const cipher = createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false)
  return Buffer.concat([cipher.update(blocks), cipher.final()])
}

const open = (blocks: Buffer) => {
  const content = decryptContent('aes-128-cbc', key, iv, encryptBlocks(blocks))
  return content === undefined ? undefined : Buffer.from(content)
}

for (const length of [1, 2, 15, 16])
  test(`REQ-100: padding of ${length} octets is taken off`, () => {
    const content = randomBytes(48 - length)
    assert.deepEqual(open(Buffer.concat([content, Buffer.alloc(length, length)])), content)
  })

for (const [title, end] of [
  ['zero', Buffer.of(0)],
  ['17, more than a block', Buffer.alloc(17, 17)],
  ['four octets of which one differs', Buffer.of(4, 3, 4, 4)],
  ['255', Buffer.alloc(16, 255)],
] as const)
  test(`REQ-100: padding of ${title} is no error but content`, () => {
    const blocks = Buffer.concat([Buffer.alloc(48 - end.length, 0x41), end])
    assert.deepEqual(open(blocks), blocks)
  })

test('a length that is no multiple of the block gives nothing', () => {
  const encrypted = encryptBlocks(Buffer.alloc(32))
  assert.equal(decryptContent('aes-128-cbc', key, iv, encrypted.subarray(1)), undefined)
})
