import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectorError } from '../../src/kernel/index.ts'
import {
  type OpenOutcome,
  openRequest,
  prepareRaKeyRing,
  type ScepRequest,
} from '../../src/scep/index.ts'
import {
  createShapes,
  createShapeWorld,
  type ExpectedOutcome,
  MADE_AT,
  raMaterials,
  type Shape,
  scepRules,
} from '../support/scep-messages/index.ts'

const world = createShapeWorld()
const ring = prepareRaKeyRing(raMaterials(world.authority))
const shapes = createShapes(world)

test('there are shapes to check', () => {
  assert.ok(shapes.length > 140, `only ${shapes.length}`)
  assert.equal(new Set(shapes.map((shape) => shape.title)).size, shapes.length, 'titles repeat')
})

for (const shape of shapes) {
  test(shape.title, () => {
    const { expected } = shape
    if (expected.kind === 'malformed') {
      assert.throws(() => open(shape), isMalformed)
      return
    }
    const outcome = open(shape)
    if (expected.kind === 'refused') {
      assert.equal(outcome.kind, 'refused')
      if (outcome.kind !== 'refused') return
      assert.equal(outcome.refusal.failInfo, expected.failInfo, outcome.refusal.text)
      assert.ok(outcome.refusal.text.length <= 255)
      assert.equal(outcome.frame.transactionId, 'TRANSACTION-1')
      return
    }
    assertOpened(outcome, shape, expected)
  })
}

test('REQ-97: the refusal names the issuer and serial that the client encrypted to', () => {
  const shape = shapes.find((one) => one.title.startsWith('REQ-97: nobody we know'))
  assert.ok(shape)
  const outcome = open(shape)
  assert.equal(outcome.kind, 'refused')
  if (outcome.kind !== 'refused') return
  assert.match(outcome.refusal.text, /30/)
  assert.match(outcome.refusal.text, /Test issuing CA/)
})

test('a refusal before the envelope still carries nonce and digest of the request', () => {
  const shape = shapes.find((one) => one.title === 'a changed signature is refused')
  assert.ok(shape)
  const { frame } = open(shape) as Extract<OpenOutcome, { kind: 'refused' }>
  assert.equal(frame.senderNonce?.length, 16)
  assert.equal(frame.digest, 'sha256')
  assert.ok(frame.recipient)
})

function open(shape: Shape): OpenOutcome {
  return openRequest(shape.messageDer, ring, scepRules(shape.rules), MADE_AT)
}

function assertOpened(
  outcome: OpenOutcome,
  shape: Shape,
  expected: Extract<ExpectedOutcome, { kind: 'opened' }>,
): void {
  assert.equal(outcome.kind, 'opened', outcome.kind === 'refused' ? outcome.refusal.text : '')
  if (outcome.kind !== 'opened') return
  const { request } = outcome
  assert.equal(request.csr.challengePassword, expected.challenge)
  const sent = Buffer.from(shape.csrDer.subarray(0, request.csr.der.length))
  assert.ok(sent.equals(request.csr.der), 'the CSR is not the one that was sent')
  const got = describe(request)
  for (const [member, value] of Object.entries(expected)) {
    if (member in got) assert.deepEqual(got[member as keyof typeof got], value, member)
  }
  if (expected.nameValuePairs !== undefined) {
    assert.deepEqual(request.csr.nameValuePairs, expected.nameValuePairs)
  }
}

function describe({ frame, messageType, signer }: ScepRequest) {
  return {
    messageType,
    transactionId: frame.transactionId,
    cipher: frame.cipher,
    digest: frame.digest,
    keyTransport: frame.keyTransport,
    nonceLength: frame.senderNonce?.length ?? 0,
    isSelfSigned: signer.isSelfSigned,
    hasCsrKey: signer.hasCsrKey,
  }
}

function isMalformed(error: unknown): boolean {
  return error instanceof ConnectorError && error.code === 'scep/malformed'
}
