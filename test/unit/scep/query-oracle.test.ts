import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodePrintableString, parseElement } from '../../../src/pki/index.ts'
import { openRequest, prepareRaKeyRing } from '../../../src/scep/index.ts'
import {
  buildCsr,
  buildEnvelope,
  buildMessage,
  defaultRules,
  makeIdentity,
  makeRa,
  now,
  toRaMaterial,
} from './message-builder.ts'

const BLOCK = 16
const ALPHABET = Buffer.from('0123456789ABCDEF')
const challenge = Buffer.from('C0FFEE5A1B2C3D4E')

const ra = makeRa()
const ring = prepareRaKeyRing([toRaMaterial(ra)])
const stranger = makeIdentity('stranger')
const victimCsr = buildCsr(makeIdentity('victim'), {
  challengeDer: encodePrintableString(challenge.toString()),
})

/** What goes over the network, where anybody may record it. Of the CSR all but the challenge can be guessed. */
const recorded = buildEnvelope(ra, victimCsr)
const challengeAt = Buffer.from(victimCsr).indexOf(challenge)

/**
 * The recorded envelope, bent: its first block begins a query, whose filler reaches up to one octet before `at`. That
 * octet, `before`, is turned into the tag of an OCTET STRING, so that the octet at `at` is its length, and the query
 * is one of two elements only where that is `guess`. All of it without any key (CBC has no integrity).
 */
function bend(digits: string, at: number, before: number, guess: number): Uint8Array {
  const envelope = Uint8Array.from(recorded)
  const content = parseElement(envelope).children[1]?.children[0]?.children[2]
  const iv = content?.children[1]?.children[1]?.value
  const encrypted = content?.children[2]?.value
  assert.ok(iv !== undefined && encrypted !== undefined)
  const tagAt = at - 1
  const second = digits === '20' ? [0x30, 0x00] : [0x02, 0x01, 0x01]
  const filler = tagAt - 10 - second.length
  const length = tagAt + 2 + guess - 4
  const wanted = Buffer.concat([
    Uint8Array.of(0x30, 0x82, length >> 8, length & 0xff, 0x30, 0x00),
    Uint8Array.from(second),
    Uint8Array.of(0x04, 0x82, filler >> 8, filler & 0xff),
  ])
  for (const [index, octet] of wanted.entries())
    iv[index] = (iv[index] ?? 0) ^ (victimCsr[index] ?? 0) ^ octet
  const flipped = tagAt - BLOCK
  encrypted[flipped] = (encrypted[flipped] ?? 0) ^ before ^ 0x04
  return envelope
}

/** What a stranger sees of the answer to a query of theirs with this envelope. */
function look(digits: string, contentDer: Uint8Array): string {
  const messageTypeDer = encodePrintableString(digits)
  const message = buildMessage(stranger, ra, victimCsr, { contentDer, messageTypeDer })
  const outcome = openRequest(message, ring, defaultRules, now)
  return outcome.kind === 'refused' ? JSON.stringify(outcome.refusal) : outcome.kind
}

for (const [digits, name] of [
  ['20', 'CertPoll'],
  ['21', 'GetCert'],
  ['22', 'GetCRL'],
] as const)
  test(`REQ-100: no ${name} tells what is in the envelope of somebody else`, () => {
    let before = challenge.length
    for (const [index, right] of challenge.entries()) {
      const seen = Array.from(ALPHABET, (guess) =>
        look(digits, bend(digits, challengeAt + index, before, guess)),
      )
      assert.equal(new Set(seen).size, 1, `digit ${index + 1} is told`)
      before = right
    }
  })
