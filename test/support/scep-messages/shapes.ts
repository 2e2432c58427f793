import {
  ber,
  bmp,
  commonName,
  element,
  ia5,
  integer,
  longLengths,
  name,
  nestedChunks,
  octetString,
  oid,
  printable,
  sequence,
  setInOrder,
  t61,
  universal,
  utf8,
  visible,
} from './ber.ts'
import { type CertificateShape, extension, issueTestCertificate, MADE_AT } from './certificates.ts'
import { type EnvelopeShape, sealEnvelope } from './envelopes.ts'
import { ATTRIBUTE, type MessageShape, sealMessage } from './messages.ts'
import {
  attribute,
  encodeTestRequest,
  nameValuePair,
  type SigningRequestShape,
  windowsAttributes,
} from './signing-requests.ts'
import {
  createEcKeys,
  createRsaKeys,
  createTestAuthority,
  keyIdentifierOf,
  type TestAuthority,
  type TestKeys,
} from './test-authority.ts'

/** Keys and authority of one run of the shapes. */
export interface ShapeWorld {
  readonly authority: TestAuthority
  readonly device: TestKeys
  readonly otherDevice: TestKeys
  readonly ecDevice: TestKeys
}

/** What the server makes of a shape. */
export type ExpectedOutcome =
  | {
      readonly kind: 'opened'
      readonly challenge: string | undefined
      readonly messageType?: 'PKCSReq' | 'RenewalReq'
      readonly transactionId?: string
      readonly cipher?: string
      readonly digest?: string
      readonly keyTransport?: string
      readonly nonceLength?: number
      readonly nameValuePairs?: readonly { readonly name: string; readonly value: string }[]
      readonly isSelfSigned?: boolean
      readonly hasCsrKey?: boolean
    }
  | { readonly kind: 'refused'; readonly failInfo: string }
  | { readonly kind: 'malformed' }

/** Rules of a profile that differ from the defaults. */
export interface ShapeRules {
  readonly allowMd5?: boolean
  readonly allowDes?: boolean
  readonly requireSameKey?: boolean
  readonly maxSigningTimeSkewSeconds?: number
}

/** One message, captured or strange, and what the specification says about it. */
export interface Shape {
  readonly title: string
  readonly rules?: ShapeRules
  readonly messageDer: Uint8Array
  readonly csrDer: Uint8Array
  readonly expected: ExpectedOutcome
}

type Parts = {
  readonly csr?: Partial<SigningRequestShape>
  readonly envelope?: Partial<EnvelopeShape>
  readonly message?: Partial<MessageShape>
  readonly signer?: Partial<CertificateShape>
  readonly trailing?: Uint8Array
}

const CHALLENGE = 'shape challenge 1'
const DES_EDE3 = { cipher: 'des-ede3-cbc' } as const
const TRANSACTION = 'TRANSACTION-1'

/** Keys for a run; making them takes about half a second. */
export function createShapeWorld(): ShapeWorld {
  return {
    authority: createTestAuthority(),
    device: createRsaKeys(),
    otherDevice: createRsaKeys(),
    ecDevice: createEcKeys(),
  }
}

/** Every shape of the specification's quirk table and annexes, made with fresh keys. */
export function createShapes(world: ShapeWorld): readonly Shape[] {
  return [
    ...encodingShapes(world),
    ...signerShapes(world),
    ...signatureShapes(world),
    ...attributeShapes(world),
    ...envelopeShapes(world),
    ...requestShapes(world),
    ...brokenShapes(world),
  ]
}

/** A message that is right in all but the parts given. */
export function createMessage(world: ShapeWorld, parts: Parts = {}) {
  const { authority, device } = world
  const csrDer = encodeTestRequest({ keys: device, challenge: printable(CHALLENGE), ...parts.csr })
  const signer = {
    privateKey: parts.signer?.signingKey ?? device.privateKey,
    certificateDer: issueTestCertificate({
      subject: commonName('SCEP SIGNER'),
      publicKey: device.publicKey,
      signingKey: device.privateKey,
      ...parts.signer,
    }),
  }
  const content = sealEnvelope({
    content: csrDer,
    recipients: [{ certificateDer: authority.ra.certificateDer }],
    ...parts.envelope,
  })
  const message = sealMessage({ content, signer, ...parts.message })
  return { csrDer, messageDer: Buffer.concat([message, parts.trailing ?? Buffer.alloc(0)]) }
}

type Opened = Omit<Extract<ExpectedOutcome, { kind: 'opened' }>, 'kind' | 'challenge'>

function opened(
  world: ShapeWorld,
  title: string,
  parts: Parts,
  expected: Opened = {},
  rules: ShapeRules = {},
): Shape {
  const challenge = CHALLENGE
  return {
    title,
    rules,
    ...createMessage(world, parts),
    expected: { kind: 'opened', challenge, ...expected },
  }
}

function refused(
  world: ShapeWorld,
  title: string,
  failInfo: string,
  parts: Parts,
  rules: ShapeRules = {},
): Shape {
  return { title, rules, ...createMessage(world, parts), expected: { kind: 'refused', failInfo } }
}

function encodingShapes(world: ShapeWorld): readonly Shape[] {
  const style = ber(100_000)
  const chunked = ber(64)
  return [
    opened(
      world,
      'a plain RFC 8894 message opens',
      {},
      {
        messageType: 'PKCSReq',
        transactionId: TRANSACTION,
        cipher: 'aes-128-cbc',
        digest: 'sha256',
        keyTransport: 'pkcs1',
        nonceLength: 16,
        isSelfSigned: true,
        hasCsrKey: true,
      },
    ),
    opened(
      world,
      'Annex D: iOS with BER indefinite lengths, SHA-512 and Triple DES opens',
      {
        envelope: { ...DES_EDE3, style },
        message: { style, digest: 'sha512' },
      },
      { cipher: 'des-ede3-cbc', digest: 'sha512' },
    ),
    opened(world, 'REQ-65: strings in chunks of 64 octets at every level open', {
      envelope: { style: chunked },
      message: { style: chunked },
    }),
    opened(world, 'REQ-65: strings inside strings open', {
      envelope: { style: nestedChunks },
      message: { style: nestedChunks },
    }),
    opened(world, 'REQ-65: lengths of four octets open', {
      envelope: { style: longLengths },
      message: { style: longLengths },
    }),
    ...(
      [
        ['indefinite', style],
        ['chunked', ber(7)],
        ['long', longLengths],
      ] as const
    ).map(([title, signerStyle]) =>
      opened(world, `REQ-65: a SignerInfo with ${title} lengths, signed as DER, opens`, {
        message: { signerStyle },
      }),
    ),
    opened(world, 'REQ-65: a CSR whose outer length is not minimal opens', {
      csr: { style: longLengths },
    }),
    opened(world, 'REQ-66: an EnvelopedData without its ContentInfo opens', {
      envelope: { form: 'bare' },
      message: { contentType: '1.2.840.113549.1.7.3' },
    }),
    opened(world, 'a CRL beside the certificates is ignored', { message: { crls: [sequence()] } }),
    opened(world, 'REQ-66: eContentType id-envelopedData opens', {
      message: { contentType: '1.2.840.113549.1.7.3' },
    }),
    opened(world, 'REQ-67: PKCS #7 1.5, the SEQUENCE itself as content, opens', {
      message: { contentForm: 'bare' },
    }),
    opened(
      world,
      'REQ-82, 83, 90: Annex C, Apple 2016, SHA-1, Triple DES and a nonce of 8 octets opens',
      {
        envelope: DES_EDE3,
        signer: {
          subject: name(['2.5.4.3', printable('MDM SCEP SIGNER')], ['2.5.4.6', printable('US')]),
          extensions: [
            extension('2.5.29.15', element(0x03, Buffer.of(7, 0x80)), true),
            extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.2')), true),
          ],
        },
        message: {
          digest: 'sha1',
          senderNonce: octetString(Buffer.alloc(8, 7)),
          transactionId: printable('0123456789abcdef0123456789abcdef01234567'),
        },
      },
      {
        digest: 'sha1',
        cipher: 'des-ede3-cbc',
        nonceLength: 8,
        transactionId: '0123456789abcdef0123456789abcdef01234567',
      },
    ),
    opened(
      world,
      'Annex E: RFC sample with a randomNonce attribute that nobody knows opens',
      {
        message: {
          transactionId: printable('7XXEY-ERLPU-2JDR9'),
          attributes: [attribute('1.2.840.113549.1.9.25.3', octetString(Buffer.alloc(16, 9)))],
        },
      },
      { transactionId: '7XXEY-ERLPU-2JDR9' },
    ),
    opened(world, 'REQ-93: unsigned attributes are ignored', {
      message: {
        unsignedAttributes: [attribute('1.3.6.1.4.1.311.21.35', octetString(Buffer.of(1)))],
      },
    }),
    opened(world, 'REQ-104: octets after the PKCS #10 are ignored', {
      csr: { trailing: Buffer.alloc(5) },
    }),
  ]
}

function signerShapes(world: ShapeWorld): readonly Shape[] {
  const { authority, otherDevice } = world
  const issued = {
    subject: commonName('device 1'),
    issuer: commonName('Test issuing CA'),
    signingKey: authority.issuing.privateKey,
  }
  const chain = createChainedSigner(world, issued)
  return [
    opened(world, 'REQ-80, 83: Windows, SHA-1 and a critical authorityKeyIdentifier, opens', {
      signer: {
        subject: name(['2.5.4.3', printable('SCEP Protocol Certificate')]),
        hash: 'sha1',
        extensions: [
          extension(
            '2.5.29.35',
            sequence(element(0x80, keyIdentifierOf(world.device.publicKey))),
            true,
          ),
          extension('2.5.29.14', octetString(keyIdentifierOf(world.device.publicKey))),
        ],
      },
      csr: { attributes: windowsAttributes() },
    }),
    opened(world, 'REQ-80: sscep, a serial of 32 octets and no extensions, opens', {
      signer: { serial: [...Buffer.from('00112233445566778899AABBCCDDEEFF', 'latin1')] },
    }),
    opened(world, 'REQ-80: a negative serial opens', { signer: { serial: [0xfe, 0x01] } }),
    opened(world, 'REQ-80: serial zero opens', { signer: { serial: [0] } }),
    opened(world, 'REQ-80: a v1 certificate opens', { signer: { version: 'v1' } }),
    opened(world, 'REQ-80: an unknown critical extension opens', {
      signer: { extensions: [extension('1.3.6.1.4.1.99999.1', integer(5), true)] },
    }),
    opened(world, 'REQ-80: a time with an offset from UTC opens', {
      signer: {
        notBefore: element(0x17, Buffer.from('140505172254-0400', 'latin1')),
        notAfter: element(0x17, Buffer.from('300505172254-0400', 'latin1')),
      },
    }),
    opened(world, 'REQ-80: an MD5 self signature opens', { signer: { hash: 'md5' } }),
    opened(world, 'REQ-81: an expired self-signed signer opens', {
      signer: {
        notBefore: element(0x17, Buffer.from('200101000000Z', 'latin1')),
        notAfter: element(0x17, Buffer.from('200107000000Z', 'latin1')),
      },
    }),
    opened(
      world,
      'REQ-84: another key than the signer key opens by default',
      {
        csr: { keys: otherDevice },
      },
      { hasCsrKey: false },
    ),
    refused(
      world,
      'REQ-84: another key is refused where the profile says so',
      'badRequest',
      {
        csr: { keys: otherDevice },
      },
      { requireSameKey: true },
    ),
    opened(
      world,
      'REQ-122: a P-256 key with an RSA signer opens',
      { csr: { keys: world.ecDevice } },
      { hasCsrKey: false },
    ),
    opened(
      world,
      'REQ-72: a RenewalReq by an issued certificate with its chain opens',
      {
        message: {
          messageType: printable('17'),
          signer: chain.signer,
          certificates: [
            authority.root.certificateDer,
            authority.issuing.certificateDer,
            chain.signer.certificateDer,
          ],
        },
      },
      { messageType: 'RenewalReq', isSelfSigned: false },
    ),
    opened(
      world,
      'REQ-70: the signer is found behind other certificates',
      {
        message: {
          signer: chain.signer,
          certificates: [authority.ra.certificateDer, chain.signer.certificateDer],
        },
      },
      { isSelfSigned: false },
    ),
    opened(world, 'REQ-69: a signer named by key identifier opens', {
      signer: {
        extensions: [extension('2.5.29.14', octetString(keyIdentifierOf(world.device.publicKey)))],
      },
      message: {
        signerReference: 'ski',
        signerKeyIdentifier: keyIdentifierOf(world.device.publicKey),
      },
    }),
    opened(world, 'REQ-71: a single certificate that the signer identifier does not name is used', {
      message: { signerReference: 'ski', signerKeyIdentifier: Buffer.alloc(20, 1) },
    }),
    refused(world, 'REQ-70: no certificate at all is refused', 'badMessageCheck', {
      message: { certificates: [] },
    }),
    refused(world, 'REQ-189: 17 certificates are refused', 'badRequest', {
      message: { certificates: Array.from({ length: 17 }, () => authority.issuing.certificateDer) },
    }),
  ]
}

function createChainedSigner(world: ShapeWorld, shape: Omit<CertificateShape, 'publicKey'>) {
  const certificateDer = issueTestCertificate({
    ...shape,
    serial: [0x55],
    publicKey: world.device.publicKey,
  })
  return { signer: { certificateDer, privateKey: world.device.privateKey } }
}

function signatureShapes(world: ShapeWorld): readonly Shape[] {
  const digests = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const
  return [
    ...digests.map((digest) =>
      opened(world, `REQ-76: ${digest} opens`, { message: { digest } }, { digest }),
    ),
    ...digests.map((digest) =>
      opened(
        world,
        `REQ-75: ${digest}WithRSA opens`,
        { message: { digest, signature: 'withHash' } },
        { digest },
      ),
    ),
    ...(['sha1', 'sha256', 'sha384', 'sha512'] as const).map((digest) =>
      opened(world, `REQ-75: RSASSA-PSS with ${digest} opens`, {
        message: { digest, signature: 'pss' },
      }),
    ),
    opened(world, 'REQ-75: the OIW sha1WithRSA identifier opens', {
      message: { digest: 'sha1', signature: 'oiwSha1WithRsa' },
    }),
    refused(
      world,
      'REQ-75: a signature algorithm with another hash is refused',
      'badMessageCheck',
      {
        message: { signature: 'withOtherHash' },
      },
    ),
    refused(world, 'REQ-76: MD5 is refused by default', 'badAlg', { message: { digest: 'md5' } }),
    opened(
      world,
      'REQ-76: MD5 opens where the profile allows it',
      { message: { digest: 'md5' } },
      { digest: 'md5' },
      { allowMd5: true },
    ),
    opened(world, 'REQ-74: absent digest parameters open', {
      message: { digestHasNoParameters: true },
    }),
    opened(world, 'REQ-73: attributes out of order, signed as sent, open', {
      message: { attributeOrder: 'reversed-signed-as-sent' },
    }),
    opened(world, 'REQ-73: attributes out of order, signed in DER order, open', {
      message: { attributeOrder: 'reversed-signed-sorted' },
    }),
    refused(world, 'REQ-68: two signatures are refused', 'badMessageCheck', {
      message: { signatures: 2 },
    }),
    refused(world, 'a changed signature is refused', 'badMessageCheck', {
      message: { tamperSignature: true },
    }),
    refused(world, 'REQ-77: a wrong messageDigest is refused', 'badMessageCheck', {
      message: { tamperDigest: true },
    }),
    {
      title: 'no signature at all has no transactionID to answer',
      ...createMessage(world, { message: { signatures: 0 } }),
      expected: { kind: 'malformed' },
    },
  ]
}

function attributeShapes(world: ShapeWorld): readonly Shape[] {
  const text = 'iPhone+/=_é'
  const types = [
    ['PrintableString', printable],
    ['UTF8String', utf8],
    ['IA5String', ia5],
    ['T61String', t61],
    ['BMPString', bmp],
    ['VisibleString', visible],
  ] as const
  const minutesAgo = (minutes: number) => new Date(MADE_AT.getTime() - minutes * 60_000)
  const skew = { maxSigningTimeSkewSeconds: 300 }
  return [
    ...types.map(([type, write]) =>
      opened(
        world,
        `REQ-86: transactionID as ${type} opens`,
        { message: { transactionId: write('AbC+/=09') } },
        { transactionId: 'AbC+/=09' },
      ),
    ),
    opened(
      world,
      'REQ-86: a transactionID beyond the PrintableString alphabet opens',
      { message: { transactionId: utf8(text) } },
      { transactionId: text },
    ),
    opened(world, 'REQ-86: a transactionID of 255 octets opens', {
      message: { transactionId: printable('x'.repeat(255)) },
    }),
    {
      title: 'a missing transactionID cannot be answered',
      ...createMessage(world, { message: { transactionId: null } }),
      expected: { kind: 'malformed' },
    },
    {
      title: 'a transactionID of 256 octets cannot be answered',
      ...createMessage(world, { message: { transactionId: printable('x'.repeat(256)) } }),
      expected: { kind: 'malformed' },
    },
    {
      title: 'an empty transactionID cannot be answered',
      ...createMessage(world, { message: { transactionId: printable('') } }),
      expected: { kind: 'malformed' },
    },
    opened(world, 'REQ-89: messageType with leading zeros opens', {
      message: { messageType: printable('0019') },
    }),
    opened(
      world,
      'REQ-89: messageType as INTEGER opens',
      { message: { messageType: integer(17) } },
      { messageType: 'RenewalReq' },
    ),
    refused(world, 'REQ-89: an unknown messageType is refused', 'badRequest', {
      message: { messageType: printable('99') },
    }),
    refused(world, 'REQ-89: a missing messageType is refused', 'badRequest', {
      message: { messageType: null },
    }),
    refused(world, 'REQ-89: a CertRep is no request', 'badRequest', {
      message: { messageType: printable('3') },
    }),
    opened(
      world,
      'REQ-90: a nonce of 1 octet opens',
      { message: { senderNonce: octetString(Buffer.of(1)) } },
      { nonceLength: 1 },
    ),
    opened(
      world,
      'REQ-90: a nonce of 64 octets opens',
      { message: { senderNonce: octetString(Buffer.alloc(64, 3)) } },
      { nonceLength: 64 },
    ),
    refused(world, 'REQ-90: a nonce of 65 octets is refused', 'badRequest', {
      message: { senderNonce: octetString(Buffer.alloc(65, 3)) },
    }),
    refused(world, 'REQ-90: an empty nonce is refused', 'badRequest', {
      message: { senderNonce: octetString(Buffer.alloc(0)) },
    }),
    opened(
      world,
      'REQ-91: a missing nonce opens',
      { message: { senderNonce: null } },
      { nonceLength: 0 },
    ),
    opened(world, 'REQ-78: a missing contentType attribute opens', {
      message: { contentTypeAttribute: null },
    }),
    opened(world, 'REQ-92: a missing signingTime opens', { message: { signingTime: null } }),
    opened(
      world,
      'REQ-92: a missing signingTime opens under a limit',
      { message: { signingTime: null } },
      {},
      skew,
    ),
    opened(world, 'REQ-92: a signingTime of last year opens by default', {
      message: { signingTime: minutesAgo(525_600) },
    }),
    opened(
      world,
      'REQ-92: a signingTime within the limit opens',
      { message: { signingTime: minutesAgo(4) } },
      {},
      skew,
    ),
    refused(
      world,
      'REQ-92: a signingTime beyond the limit is refused',
      'badTime',
      { message: { signingTime: minutesAgo(6) } },
      skew,
    ),
    refused(
      world,
      'REQ-92: a signingTime in the future beyond the limit is refused',
      'badTime',
      { message: { signingTime: minutesAgo(-6) } },
      skew,
    ),
    refused(world, 'REQ-79: a repeated messageType is refused', 'badMessageCheck', {
      message: { attributes: [attribute(ATTRIBUTE.messageType, printable('17'))] },
    }),
    refused(world, 'REQ-79: a nonce with two values is refused', 'badMessageCheck', {
      message: {
        senderNonce: null,
        attributes: [
          sequence(
            oid(ATTRIBUTE.senderNonce),
            setInOrder(octetString(Buffer.alloc(16, 1)), octetString(Buffer.alloc(16, 2))),
          ),
        ],
      },
    }),
  ]
}

function envelopeShapes(world: ShapeWorld): readonly Shape[] {
  const { ra, retiredRa, strangerRa, issuing } = world.authority
  const keyIdentifier = keyIdentifierOf(ra.publicKey)
  const ciphers = [
    'des-ede3-cbc',
    'aes-128-cbc',
    'aes-192-cbc',
    'aes-256-cbc',
    'aes-128-gcm',
    'aes-256-gcm',
  ] as const
  const transports = ['pkcs1', 'oaep-sha1', 'oaep-sha256', 'oaep-sha384', 'oaep-sha512'] as const
  const to = (...certificates: readonly Uint8Array[]) => ({
    envelope: { recipients: certificates.map((certificateDer) => ({ certificateDer })) },
  })
  const recipient = (more: object) => ({
    envelope: { recipients: [{ certificateDer: ra.certificateDer, ...more }] },
  })
  return [
    ...ciphers.map((cipher) =>
      opened(world, `REQ-101: ${cipher} opens`, { envelope: { cipher } }, { cipher }),
    ),
    ...transports.map((keyTransport) =>
      opened(
        world,
        `REQ-99: key transport ${keyTransport} opens`,
        { envelope: { keyTransport } },
        { keyTransport },
      ),
    ),
    ...[0, 2, 3].map((version) =>
      opened(world, `REQ-94: EnvelopedData version ${version} opens`, { envelope: { version } }),
    ),
    refused(world, 'REQ-101: DES is refused by default', 'badAlg', {
      envelope: { cipher: 'des-cbc' },
    }),
    opened(
      world,
      'REQ-101: DES opens where the profile allows it',
      { envelope: { cipher: 'des-cbc' } },
      { cipher: 'des-cbc' },
      { allowDes: true },
    ),
    refused(
      world,
      'REQ-101: RC2 is refused',
      'badAlg',
      { envelope: { cipher: 'rc2' } },
      { allowDes: true },
    ),
    refused(
      world,
      'REQ-101: Blowfish is refused',
      'badAlg',
      { envelope: { cipher: 'blowfish' } },
      { allowDes: true },
    ),
    opened(
      world,
      'SHA-512 with Triple DES opens',
      { envelope: DES_EDE3, message: { digest: 'sha512' } },
      { digest: 'sha512', cipher: 'des-ede3-cbc' },
    ),
    opened(
      world,
      'REQ-96: a recipient by key identifier opens',
      recipient({ reference: 'ski', keyIdentifier }),
    ),
    opened(
      world,
      'REQ-96: a key identifier wrapped twice opens',
      recipient({ reference: 'double-wrapped-ski', keyIdentifier }),
    ),
    opened(world, 'rsaEncryption without NULL opens', recipient({ hasNoParameters: true })),
    opened(world, 'REQ-48: a message to a retired RA opens', to(retiredRa.certificateDer)),
    opened(
      world,
      'REQ-95: several recipients, ours last, open',
      to(strangerRa.certificateDer, retiredRa.certificateDer),
    ),
    refused(
      world,
      'REQ-97: nobody we know among the recipients is refused',
      'badMessageCheck',
      to(strangerRa.certificateDer),
    ),
    refused(world, 'REQ-97: an envelope to the issuing CA is refused', 'badMessageCheck', {
      envelope: {
        recipients: [
          { certificateDer: issuing.certificateDer, encryptedKey: Buffer.alloc(256, 1) },
        ],
      },
    }),
    opened(world, 'REQ-95: a key agreement recipient in front of ours opens', {
      envelope: { version: 2, otherRecipient: element(0xa1, integer(3)) },
    }),
    opened(world, 'REQ-94: originatorInfo and unprotected attributes are ignored', {
      envelope: {
        version: 2,
        originatorInfo: element(0xa0),
        unprotectedAttributes: element(0xa1, attribute('1.2.840.113549.1.9.25.3', integer(1))),
      },
    }),
    refused(
      world,
      'REQ-99: OAEP with SHA-256 and a mask of SHA-1 is refused: OpenSSL is not asked to',
      'badAlg',
      {
        envelope: { keyTransport: 'oaep-sha256', maskHash: 'sha1' },
      },
    ),
    opened(world, 'REQ-102: content type id-encryptedData opens', {
      envelope: { contentType: '1.2.840.113549.1.7.6' },
    }),
    refused(world, 'REQ-103: an envelope without content is refused', 'badRequest', {
      envelope: { omitContent: true },
    }),
    refused(world, 'REQ-105: a key agreement recipient is refused', 'badAlg', {
      envelope: { recipients: [], otherRecipient: element(0xa1, integer(3)) },
    }),
    refused(world, 'REQ-105: a password recipient is refused', 'badAlg', {
      envelope: { recipients: [], otherRecipient: element(0xa3, integer(0)) },
    }),
  ]
}

function requestShapes(world: ShapeWorld): readonly Shape[] {
  const types = [
    ['PrintableString', printable],
    ['UTF8String', utf8],
    ['T61String', t61],
    ['BMPString', bmp],
    ['IA5String', ia5],
    ['UniversalString', universal],
  ] as const
  const withChallenge = (challenge: string, value: Uint8Array, title: string): Shape => ({
    title,
    ...createMessage(world, { csr: { challenge: value } }),
    expected: { kind: 'opened', challenge },
  })
  const long = 'M'.repeat(16_384)
  const pairs = [
    { name: 'ValidityPeriod', value: 'Days' },
    { name: 'ValidityPeriodUnits', value: '14' },
  ]
  const withoutChallenge = encodeTestRequest({ keys: world.device })
  return [
    ...types.map(([type, write]) =>
      withChallenge('se cret+1', write('se cret+1'), `REQ-109: challenge as ${type} opens`),
    ),
    withChallenge('pässwörd', bmp('pässwörd'), 'REQ-109: a BMPString challenge beyond ASCII opens'),
    withChallenge(long, printable(long), 'REQ-110: a challenge of 16,384 characters opens'),
    {
      title: 'a CSR without challenge opens',
      csrDer: withoutChallenge,
      messageDer: createMessage(world, { envelope: { content: withoutChallenge } }).messageDer,
      expected: { kind: 'opened', challenge: undefined },
    },
    ...(['pkcs9', 'microsoft', 'veriSign'] as const).map((extensionRequest) =>
      opened(world, `REQ-112: the ${extensionRequest} extension request opens`, {
        csr: { extensionRequest },
      }),
    ),
    opened(
      world,
      'REQ-116: name/value pairs are read',
      {
        csr: { attributes: pairs.map((pair) => nameValuePair(pair.name, pair.value)) },
      },
      { nameValuePairs: pairs },
    ),
    opened(world, 'REQ-123: PrintableString, T61 and several values in an RDN open', {
      csr: {
        subject: sequence(
          setInOrder(sequence(oid('2.5.4.6'), printable('FR'))),
          setInOrder(
            sequence(oid('2.5.4.3'), utf8('device 1')),
            sequence(oid('2.5.4.5'), t61('7')),
          ),
        ),
      },
    }),
    opened(world, 'REQ-108: an empty subject opens here; policy decides', {
      csr: { subject: sequence() },
    }),
    refused(world, 'REQ-112: one extension in two attributes is refused', 'badRequest', {
      csr: {
        attributes: [
          attribute(
            '1.3.6.1.4.1.311.2.1.14',
            sequence(extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1')))),
          ),
        ],
      },
    }),
    refused(world, 'two challenges are refused', 'badRequest', {
      csr: { attributes: [attribute('1.2.840.113549.1.9.7', printable('second'))] },
    }),
    refused(world, 'a challenge that is no string is refused', 'badRequest', {
      csr: { challenge: integer(5) },
    }),
    refused(world, 'REQ-107: a CSR signed with another key is refused', 'badMessageCheck', {
      csr: { signingKey: world.otherDevice.privateKey },
    }),
  ]
}

function brokenShapes(world: ShapeWorld): readonly Shape[] {
  const csrDer = encodeTestRequest({ keys: world.device, challenge: printable(CHALLENGE) })
  return [
    refused(world, 'REQ-106: no envelope at all is refused', 'badRequest', {
      message: { content: null },
    }),
    refused(world, 'REQ-106: a CSR in clear text is refused', 'badRequest', {
      message: { content: csrDer },
    }),
    refused(world, 'an EC signer is refused: the reply cannot be encrypted', 'badAlg', {
      csr: { keys: world.ecDevice },
      signer: { publicKey: world.ecDevice.publicKey, signingKey: world.ecDevice.privateKey },
      message: { signature: 'ecdsaSha256' },
    }),
    {
      title: 'octets that are no ASN.1 are malformed',
      csrDer,
      messageDer: Buffer.from('GET /'),
      expected: { kind: 'malformed' },
    },
    {
      title: 'no octets are malformed',
      csrDer,
      messageDer: Buffer.alloc(0),
      expected: { kind: 'malformed' },
    },
    {
      title: 'a data ContentInfo is malformed',
      csrDer,
      messageDer: sequence(oid('1.2.840.113549.1.7.1'), element(0xa0, octetString(Buffer.of(0)))),
      expected: { kind: 'malformed' },
    },
  ]
}
