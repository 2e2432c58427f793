import { randomBytes } from 'node:crypto'
import { commonName, octetString, printable } from './ber.ts'
import { extension, issueTestCertificate } from './certificates.ts'
import { sealEnvelope, type TestCipher, type TestKeyTransport } from './envelopes.ts'
import { sealMessage, type TestDigest } from './messages.ts'
import { encodeTestRequest } from './signing-requests.ts'
import { createRsaKeys, type TestKeys } from './test-authority.ts'

/** What a batch of valid requests has in common. */
export interface BatchOptions {
  /** The RA certificate that GetCACert of the server returned. */
  readonly recipientCertificateDer: Uint8Array
  /** Challenge of the request with this number. */
  readonly challenge: (index: number) => string
  /** Number of distinct RSA-2048 device keys; requests take turns. Default 8. */
  readonly keyCount?: number
  /** RSA keys of the devices, instead of new ones; requests take turns. */
  readonly keys?: readonly TestKeys[]
  readonly cipher?: TestCipher
  readonly digest?: TestDigest
  readonly keyTransport?: TestKeyTransport
  /** Put before the number in subject and transactionID, so that batches differ. Default random. */
  readonly prefix?: string
  /** Bits of the device keys. Default 2048. */
  readonly keyBits?: number
}

/** A PKCSReq ready to be sent, and what is needed to open its reply. */
export interface PrebuiltRequest {
  readonly messageDer: Uint8Array
  readonly transactionId: string
  readonly senderNonce: Uint8Array
  readonly commonName: string
  readonly keys: TestKeys
  readonly signer: {
    readonly certificateDer: Uint8Array
    readonly privateKey: TestKeys['privateKey']
  }
}

/**
 * Makes many valid requests fast, about 3 ms of CPU each after the keys: every one has its own subject, transactionID, nonce,
 * content key and challenge. Device keys are shared, so a server that refuses a key seen before refuses some of these.
 */
export function prebuildRequests(count: number, options: BatchOptions): readonly PrebuiltRequest[] {
  const prefix = options.prefix ?? randomBytes(4).toString('hex')
  const size = Math.min(options.keys?.length ?? options.keyCount ?? 8, Math.max(count, 1))
  const devices = Array.from({ length: size }, (_, index) =>
    createDevice(
      `SCEP signer ${prefix} ${index}`,
      options.keys?.[index] ?? createRsaKeys(options.keyBits ?? 2048),
    ),
  )
  return Array.from({ length: count }, (_, index) => {
    const device = devices[index % devices.length]
    if (device === undefined) throw new Error('no device key')
    return prebuildRequest(device, `${prefix}-${index}`, options.challenge(index), options)
  })
}

type Device = Pick<PrebuiltRequest, 'keys' | 'signer'>

function createDevice(subject: string, keys: TestKeys): Device {
  const certificateDer = issueTestCertificate({
    subject: commonName(subject),
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
  })
  return { keys, signer: { certificateDer, privateKey: keys.privateKey } }
}

function prebuildRequest(
  { keys, signer }: Device,
  label: string,
  challenge: string,
  options: BatchOptions,
): PrebuiltRequest {
  const content = encodeTestRequest({
    keys,
    subject: commonName(`device ${label}`),
    challenge: printable(challenge),
    extensions: [
      extension(
        '2.5.29.17',
        Buffer.concat([Buffer.of(0x30, label.length + 2, 0x82, label.length), Buffer.from(label)]),
      ),
    ],
  })
  const senderNonce = randomBytes(16)
  const messageDer = sealMessage({
    content: sealEnvelope({
      content,
      recipients: [{ certificateDer: options.recipientCertificateDer }],
      cipher: options.cipher ?? 'aes-128-cbc',
      keyTransport: options.keyTransport ?? 'pkcs1',
    }),
    signer,
    digest: options.digest ?? 'sha256',
    transactionId: printable(label),
    senderNonce: octetString(senderNonce),
    signingTime: new Date(),
  })
  return {
    messageDer,
    transactionId: label,
    senderNonce,
    commonName: `device ${label}`,
    keys,
    signer,
  }
}
