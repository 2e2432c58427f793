import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  hash,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  sign,
  verify,
} from 'node:crypto'

/** The keys of a server and of its devices, so that any thread can import its own. */
export interface LimitKeys {
  readonly raPkcs8Der: Uint8Array
  readonly issuingPkcs8Der: Uint8Array
  /** RSA-2048, distinct. */
  readonly devicesPkcs8Der: readonly Uint8Array[]
}

/** What one request brings, without its encoding. */
interface Bare {
  readonly spkiDer: Uint8Array
  readonly spkiPem: string
  readonly wrappedKey: Uint8Array
  readonly iv: Uint8Array
  readonly encrypted: Uint8Array
  readonly attributesSignature: Uint8Array
  readonly requestSignature: Uint8Array
}

const { RSA_PKCS1_PADDING } = constants

// Octets of the parts that are hashed, signed and encrypted: those of the messages that the bench sends.
const signedAttributes = randomBytes(330)
const requestInformation = randomBytes(1_700)
const request = randomBytes(1_980)
const envelope = randomBytes(2_400)
const certificateBody = randomBytes(780)
const certificates = randomBytes(1_120)
const replyEnvelope = randomBytes(1_650)
const replyAttributes = randomBytes(330)

/**
 * The limit: exactly the calls of node:crypto that one enrolment cannot do without, and nothing else. No ASN.1, no HTTP,
 * no store. Three RSA-2048 private operations where the CA has such a key, two with P-256.
 *
 * The client's key is imported once and used three times, as its certificate and its request hold the same. The
 * self-signed signer certificate's own signature is not verified: the outer signature proves the same. Each call has
 * its cheapest form: with Node.js 24.21 that is PEM for public keys and key objects for secret ones.
 *
 * @returns runs the calls of one enrolment, synchronously; call it with rising numbers
 */
export function createLimit(keys: LimitKeys): (index: number) => void {
  const raKey = importKey(keys.raPkcs8Der)
  const issuingKey = importKey(keys.issuingPkcs8Der)
  const requests = keys.devicesPkcs8Der.map((device) => prepareRequest(importKey(device), raKey))

  return (index) => {
    const bare = requests[index % requests.length]
    if (bare === undefined) throw new TypeError('the limit needs a device key')
    // Options around a key make Node.js 24.21 throw and catch, which is cheap without stacks.
    const stackTraceLimit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    // Open
    const clientKey = createPublicKey(bare.spkiPem)
    hash('sha256', envelope, 'buffer')
    check(verify('sha256', signedAttributes, clientKey, bare.attributesSignature))
    const contentKey = privateDecrypt({ key: raKey, padding: RSA_PKCS1_PADDING }, bare.wrappedKey)
    const decipher = createDecipheriv('aes-128-cbc', createSecretKey(contentKey), bare.iv)
    decipher.update(bare.encrypted)
    decipher.final()
    check(verify('sha256', requestInformation, clientKey, bare.requestSignature))
    hash('sha256', request, 'buffer')
    // Sign
    randomBytes(16)
    hash('sha1', bare.spkiDer, 'buffer')
    sign('sha256', certificateBody, issuingKey)
    // Seal
    const replyKey = randomBytes(16)
    const cipher = createCipheriv('aes-128-cbc', createSecretKey(replyKey), randomBytes(16))
    cipher.update(certificates)
    cipher.final()
    publicEncrypt({ key: clientKey, padding: RSA_PKCS1_PADDING }, replyKey)
    randomBytes(16)
    hash('sha256', replyEnvelope, 'buffer')
    sign('sha256', replyAttributes, raKey)
    Error.stackTraceLimit = stackTraceLimit
  }
}

function prepareRequest(deviceKey: KeyObject, raKey: KeyObject): Bare {
  const contentKey = randomBytes(16)
  const iv = randomBytes(16)
  const publicKey = createPublicKey(deviceKey)
  const cipher = createCipheriv('aes-128-cbc', contentKey, iv)
  return {
    spkiDer: publicKey.export({ type: 'spki', format: 'der' }),
    spkiPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    wrappedKey: publicEncrypt(
      { key: createPublicKey(raKey), padding: RSA_PKCS1_PADDING },
      contentKey,
    ),
    iv,
    encrypted: Buffer.concat([cipher.update(request), cipher.final()]),
    attributesSignature: sign('sha256', signedAttributes, deviceKey),
    requestSignature: sign('sha256', requestInformation, deviceKey),
  }
}

function importKey(pkcs8Der: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.from(pkcs8Der), format: 'der', type: 'pkcs8' })
}

function check(holds: boolean): void {
  if (!holds) throw new Error('a signature of the bench does not hold')
}
