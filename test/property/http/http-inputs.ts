import { randomBytes } from 'node:crypto'
import {
  ber,
  commonName,
  createRsaKeys,
  type EnvelopeShape,
  encodeTestRequest,
  issueTestCertificate,
  type MessageShape,
  octetString,
  printable,
  type RecipientShape,
  sealEnvelope,
  sealMessage,
} from '../../support/scep-messages/index.ts'
import { mutate } from '../scep/mutation.ts'
import type { RandomSource } from '../scep/random-source.ts'

/** One request as it goes over the wire. */
export interface HttpInput {
  readonly kind: HttpInputKind
  readonly bytes: Buffer
  /** The sender ends its side afterwards: what it sent may be no whole request, or several. */
  readonly isLast: boolean
  /** Every decryption failure is answered alike, but for nonce, time and signature. */
  readonly isDecryptFailure: boolean
}

export type HttpInputKind =
  | 'POST message'
  | 'POST signed envelope'
  | 'POST sealed request'
  | 'POST decrypt failure'
  | 'POST base64'
  | 'GET message'
  | 'GET address'
  | 'raw request'

/** Valid messages to one RA, and the keys to make more. */
export interface HttpCorpus {
  readonly raDer: Uint8Array
  readonly path: string
  readonly csrDer: Uint8Array
  readonly messages: readonly Uint8Array[]
  readonly envelopes: readonly Uint8Array[]
  readonly seal: (envelope: Partial<EnvelopeShape>) => Uint8Array
  readonly sign: (content: Uint8Array) => Uint8Array
}

/**
 * @param raDer to whom messages are encrypted
 * @param path of the SCEP profile: `/scep/static`
 * @param challenge that the profile accepts, so that some inputs go all the way
 */
export function makeHttpCorpus(raDer: Uint8Array, path: string, challenge: string): HttpCorpus {
  const keys = createRsaKeys()
  const signer = {
    privateKey: keys.privateKey,
    certificateDer: issueTestCertificate({
      subject: commonName('fuzz'),
      publicKey: keys.publicKey,
      signingKey: keys.privateKey,
    }),
  }
  const csrDer = encodeTestRequest({ keys, challenge: printable(challenge) })
  const recipients = [{ certificateDer: raDer }]
  const seal = (envelope: Partial<EnvelopeShape>) =>
    sealEnvelope({ content: csrDer, recipients, ...envelope })
  const sign = (content: Uint8Array, more: Partial<MessageShape> = {}) =>
    sealMessage({ content, signer, senderNonce: octetString(Buffer.alloc(16, 6)), ...more })
  const style = ber(1000)
  const envelopes = [
    seal({}),
    seal({ cipher: 'des-ede3-cbc', style }),
    seal({ keyTransport: 'oaep-sha256', cipher: 'aes-256-gcm' }),
  ]
  const [plain = Buffer.alloc(0), indefinite = plain, oaep = plain] = envelopes
  return {
    raDer,
    path,
    csrDer,
    envelopes,
    messages: [
      sign(plain),
      sign(indefinite, { style, digest: 'sha512' }),
      sign(oaep, { signature: 'pss' }),
      sign(plain, { digest: 'sha1', messageType: printable('17') }),
      sign(plain, { messageType: printable('20') }),
      sign(plain, { messageType: printable('22') }),
    ],
    seal,
    sign,
  }
}

type Maker = (corpus: HttpCorpus, random: RandomSource) => Omit<HttpInput, 'kind'>

const post = (corpus: HttpCorpus, body: Uint8Array, isDecryptFailure = false) => ({
  bytes: Buffer.concat([
    Buffer.from(
      `POST ${corpus.path}?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`,
    ),
    body,
  ]),
  isLast: false,
  isDecryptFailure,
})

const makers: readonly (readonly [HttpInputKind, weight: number, Maker])[] = [
  [
    'POST message',
    8,
    (corpus, random) =>
      post(corpus, mutate(random.pick(corpus.messages), random, random.pick(corpus.messages))),
  ],
  [
    'POST signed envelope',
    2,
    (corpus, random) =>
      post(
        corpus,
        corpus.sign(mutate(random.pick(corpus.envelopes), random, random.pick(corpus.envelopes))),
      ),
  ],
  [
    'POST sealed request',
    2,
    (corpus, random) => {
      const content = mutate(corpus.csrDer, random, random.pick(corpus.messages))
      return post(corpus, corpus.sign(corpus.seal({ content })))
    },
  ],
  [
    'POST decrypt failure',
    3,
    (corpus, random) =>
      post(corpus, corpus.sign(corpus.seal(breakEnvelope(corpus.raDer, random))), true),
  ],
  [
    'POST base64',
    1,
    (corpus, random) => {
      const text = Buffer.from(random.pick(corpus.messages)).toString('base64')
      return post(corpus, mutate(Buffer.from(text), random, random.pick(corpus.messages)))
    },
  ],
  [
    'GET message',
    3,
    (corpus, random) => {
      const mutated = mutate(random.pick(corpus.messages), random, random.pick(corpus.messages))
      const text = encodeURIComponent(Buffer.from(mutated).toString('base64'))
      return get(`${corpus.path}?operation=PKIOperation&message=${text}`)
    },
  ],
  [
    'GET address',
    4,
    (corpus, random) => {
      const target = Buffer.from(random.pick(addressesOf(corpus, random)), 'latin1')
      const mutated = mutate(target, random, random.pick(corpus.messages))
      // Framing stays whole, so that the next request on the connection is one: what breaks it is in raw requests.
      return get(
        Buffer.from(mutated)
          .toString('latin1')
          .replaceAll(/[^!-~]/g, '%'),
      )
    },
  ],
  [
    'raw request',
    2,
    (corpus, random) => {
      const whole = random.pick([
        post(corpus, random.pick(corpus.messages)).bytes,
        get(random.pick(addressesOf(corpus, random))).bytes,
      ])
      // The head alone is worth changing; most of a request is its body.
      const head = Math.min(whole.length, 600)
      const mutated = mutate(whole.subarray(0, head), random, random.pick(corpus.messages))
      const bytes = Buffer.concat([mutated, whole.subarray(head)])
      return { bytes, isLast: true, isDecryptFailure: false }
    },
  ],
]

function get(target: string): Omit<HttpInput, 'kind'> {
  return {
    bytes: Buffer.from(`GET ${target === '' ? '/' : target} HTTP/1.1\r\nHost: x\r\n\r\n`, 'latin1'),
    isLast: false,
    isDecryptFailure: false,
  }
}

function addressesOf(corpus: HttpCorpus, random: RandomSource): readonly string[] {
  const base64 = Buffer.from(random.pick(corpus.messages)).toString('base64')
  return [
    `/certsrv/mscep/mscep.dll/pkiclient.exe?operation=PKIOperation&message=${base64}`,
    `${corpus.path}?a=1?operation=PKIOperation&message=${encodeURIComponent(base64)}`,
    `http://host${corpus.path}?operation=GetCACert&message=CA%20identifier`,
    `${corpus.path}?operation=GetCACaps&message=default`,
    `${corpus.path}?operation=GetCACertChain`,
    '/crl/default.crl',
    '/aia/default.cer',
    `/ocsp/${encodeURIComponent(base64.slice(0, 120))}`,
    '/certsrv/mscep/mscep.dll',
  ]
}

/** One of the ways in which a message cannot be decrypted; none of them may show in the answer. */
export function breakEnvelope(raDer: Uint8Array, random: RandomSource): Partial<EnvelopeShape> {
  const tamper = (change: (encrypted: Buffer) => Uint8Array): Partial<EnvelopeShape> => ({
    tamper: change,
  })
  switch (random.below(6)) {
    case 0:
      return tamper((encrypted) => flip(encrypted, encrypted.length - 17 - random.below(16)))
    case 1:
      return tamper((encrypted) => flip(encrypted, random.below(encrypted.length - 32)))
    case 2:
      return tamper((encrypted) => encrypted.subarray(0, -1 - random.below(15)))
    case 3:
      return tamper((encrypted) => randomBytes(encrypted.length))
    case 4:
      return { content: randomBytes(random.below(2000)) }
    default:
      return { recipients: [{ certificateDer: raDer, ...breakKey(random) }] }
  }
}

function breakKey(random: RandomSource): Partial<RecipientShape> {
  switch (random.below(4)) {
    case 0:
      return { keyBytes: random.pick([1, 5, 15, 16, 17, 24, 32]) }
    case 1:
      return { encryptedKey: Buffer.alloc(256, random.pick([0, 0xff])) }
    case 2:
      return { encryptedKey: randomBytes(1 + random.below(300)) }
    default:
      // Below every modulus of 2,048 bits.
      return { encryptedKey: Buffer.concat([Buffer.of(0), randomBytes(255)]) }
  }
}

function flip(encrypted: Buffer, at: number): Buffer {
  encrypted[at] = (encrypted[at] ?? 0) ^ 0x40
  return encrypted
}

const schedule = makers.flatMap((maker) => Array.from({ length: maker[1] }, () => maker))

/** The input of a number; the same for the same seed, but for what keys and encryption make random. */
export function makeHttpInput(corpus: HttpCorpus, random: RandomSource): HttpInput {
  const [kind, , make] = random.pick(schedule)
  return { kind, ...make(corpus, random) }
}
