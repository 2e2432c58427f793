import { constants, publicEncrypt, randomBytes } from 'node:crypto'
import { openRequest, prepareRaKeyRing } from '../../src/scep/index.ts'
import { RandomSource } from '../property/scep/random-source.ts'
import {
  createMessage,
  createShapeWorld,
  type EnvelopeShape,
  MADE_AT,
  raMaterials,
  scepRules,
} from '../support/scep-messages/index.ts'
import { greatestDistance, quartilesOf, superiority } from './sample-statistics.ts'

/**
 * `node test/oracle/decryption-times.ts [tries=2000] [seed]`: whether the time to refuse a message tells why it could not be
 * decrypted. Messages of one length, a fresh one for each try, in random order, in one process; each way of failing is
 * compared with the first one, and one way with itself as the control. A timing is no test: read the table.
 */
const tries = Number(process.argv[2] ?? 2000)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
if (!Number.isSafeInteger(tries) || tries < 1 || !Number.isSafeInteger(seed)) {
  console.error('usage: node test/oracle/decryption-times.ts [tries=2000] [seed]')
  process.exit(2)
}

const world = createShapeWorld()
const { ra, strangerRa } = world.authority
const ring = prepareRaKeyRing(raMaterials(world.authority))
const rules = scepRules()
const { csrDer } = createMessage(world)
const { csrDer: strangerCsrDer } = createMessage(world, { csr: { keys: world.otherDevice } })
const toRa = { certificateDer: ra.certificateDer }

const noise = (): Buffer => Buffer.concat([Buffer.of(0), randomBytes(255)])
const modulus = Buffer.from(ra.publicKey.export({ format: 'jwk' }).n ?? '', 'base64url')

/** Below our modulus: what is above it is refused sooner, which tells nothing that its sender does not know. */
function toStranger(): Buffer {
  const padding = constants.RSA_PKCS1_PADDING
  for (;;) {
    const wrapped = publicEncrypt({ key: strangerRa.publicKey, padding }, randomBytes(16))
    if (Buffer.compare(wrapped, modulus) < 0) return wrapped
  }
}

const ways: readonly (readonly [title: string, make: () => Partial<EnvelopeShape>])[] = [
  ['wrong key padding: noise', () => ({ recipients: [{ ...toRa, encryptedKey: noise() }] })],
  ['control: the same again', () => ({ recipients: [{ ...toRa, encryptedKey: noise() }] })],
  [
    'wrong key padding: for another RA',
    () => ({ recipients: [{ ...toRa, encryptedKey: toStranger() }] }),
  ],
  ['wrong key: well padded, another', () => ({ recipients: [{ ...toRa, keyBytes: 16 }] })],
  ['wrong key: well padded, too short', () => ({ recipients: [{ ...toRa, keyBytes: 5 }] })],
  ['wrong content padding', () => ({ tamper: (encrypted) => flip(encrypted, -17) })],
  ['wrong content: noise', () => ({ tamper: (encrypted) => randomBytes(encrypted.length) })],
  ['wrong content: no request', () => ({ content: randomBytes(csrDer.length) })],
  ['wrong content: a bit of the name', () => ({ content: flip(Buffer.from(csrDer), 24) })],
  ['wrong content: a bit of the signature', () => ({ content: flip(Buffer.from(csrDer), -9) })],
  [
    'wrong content: a bit, of another key',
    () => ({ content: flip(Buffer.from(strangerCsrDer), -9) }),
  ],
]

function flip(bytes: Buffer, at: number): Buffer {
  const index = at < 0 ? bytes.length + at : at
  bytes[index] = (bytes[index] ?? 0) ^ 0x40
  return bytes
}

function measure(envelope: Partial<EnvelopeShape>): number {
  const { messageDer } = createMessage(world, { envelope })
  // What was done last leaves its traces in caches: wrapping a key cost the next 9 of 320 µs. So all do the same last.
  createMessage(world)
  const start = process.hrtime.bigint()
  const outcome = openRequest(messageDer, ring, rules, MADE_AT)
  const end = process.hrtime.bigint()
  if (outcome.kind !== 'refused') throw new Error('a message that cannot be decrypted was opened')
  return Number(end - start) / 1000
}

const random = new RandomSource(seed)
const samples = ways.map((): number[] => [])
const order = ways.flatMap((_, way) => Array.from({ length: tries }, () => way))
// Fisher-Yates, so that no way of failing has a part of the run to itself.
for (let last = order.length - 1; last > 0; last -= 1) {
  const other = random.below(last + 1)
  const kept = order[last] ?? 0
  order[last] = order[other] ?? 0
  order[other] = kept
}
for (let warm = 0; warm < 300; warm += 1) measure(ways[warm % ways.length]?.[1]() ?? {})
for (const way of order) samples[way]?.push(measure(ways[way]?.[1]() ?? {}))

const [reference = []] = samples
console.log(`${tries} tries each, seed ${seed}; microseconds; against the first line`)
console.log(`${'way of failing'.padEnd(40)}   lower  median   upper  P(slower)  KS distance`)
for (const [index, [title]] of ways.entries()) {
  const sample = samples[index] ?? []
  const { lower, median, upper } = quartilesOf(sample)
  const figures = [lower, median, upper].map((figure) => figure.toFixed(1).padStart(8)).join('')
  const compared =
    index === 0
      ? ''
      : `${superiority(sample, reference).toFixed(3).padStart(11)}${greatestDistance(sample, reference).toFixed(3).padStart(13)}`
  console.log(`${title.padEnd(40)}${figures}${compared}`)
}
const error = Math.sqrt((2 * tries + 1) / (12 * tries * tries))
console.log(
  `chance alone: P(slower) 0.5 ± ${(2 * error).toFixed(3)}, KS distance up to ${(1.36 * Math.sqrt(2 / tries)).toFixed(3)} (95 %)`,
)
