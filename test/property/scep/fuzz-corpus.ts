import {
  encodeGeneralName,
  encodeKeyUsage,
  encodePrintableString,
  encodeSubjectAltName,
  encodeUtf8String,
} from '../../../src/pki/index.ts'
import { prepareRaKeyRing, type RaKeyRing } from '../../../src/scep/index.ts'
import {
  buildCsr,
  buildEnvelope,
  buildMessage,
  type Identity,
  type MessageOptions,
  makeCa,
  makeIdentity,
  makeRa,
  toRaMaterial,
} from '../../unit/scep/message-builder.ts'

/** Valid messages of all kinds, and the keys to make more. */
export interface FuzzCorpus {
  readonly ring: RaKeyRing
  readonly messages: readonly Uint8Array[]
  readonly certificates: readonly Uint8Array[]
  readonly requests: readonly Uint8Array[]
  readonly envelopes: readonly Uint8Array[]
  readonly targets: readonly string[]
  /** A message whose outer signature holds around a mutated envelope. */
  readonly signEnvelope: (envelopeDer: Uint8Array) => Uint8Array
  /** A message whose signature and encryption hold around a mutated CSR. */
  readonly sealRequest: (csrDer: Uint8Array) => Uint8Array
}

const shapes: readonly MessageOptions[] = [
  {},
  { ber: true, cipher: 'des-ede3-cbc', digest: 'sha512' },
  { transport: 'oaep-sha256', cipher: 'aes-256-gcm', signature: 'pss' },
  { digest: 'sha1', cipher: 'des-cbc', signature: 'hashWithRsa' },
  { contentAs: 'sequence', transactionIdDer: encodeUtf8String('tränsaction') },
  { messageTypeDer: encodePrintableString('17'), unsorted: true },
]

/** Makes keys and messages; takes about a second. */
export function makeCorpus(): FuzzCorpus {
  const ca = makeCa()
  const ra = makeRa(ca)
  const device = makeIdentity('SCEP SIGNER')
  const renewing = makeIdentity('device', {
    issuer: ca,
    extensions: [encodeKeyUsage(['digitalSignature'])],
  })
  const requests = [buildCsr(device), buildCsr(device, { extensions: makeExtensions() })]
  const [csrDer] = requests
  if (csrDer === undefined) throw new TypeError('no request was built')
  const messages = shapes.map((options) => buildMessage(device, ra, csrDer, options))
  messages.push(makeRenewal(renewing, ca, ra))
  return {
    ring: prepareRaKeyRing([toRaMaterial(ra)]),
    messages,
    certificates: [ca, ra, device, renewing].map(({ certificateDer }) => certificateDer),
    requests,
    envelopes: shapes.map((options) => buildEnvelope(ra, csrDer, options)),
    targets: makeTargets(messages),
    signEnvelope: (contentDer) => buildMessage(device, ra, csrDer, { contentDer }),
    sealRequest: (plain) => buildMessage(device, ra, csrDer, { plain }),
  }
}

function makeExtensions() {
  return [
    encodeKeyUsage(['digitalSignature', 'keyEncipherment']),
    encodeSubjectAltName([
      encodeGeneralName('dns', 'a.example'),
      encodeGeneralName('upn', 'a@a.example'),
      encodeGeneralName('ip', '2001:db8::1'),
    ]),
  ]
}

function makeRenewal(renewing: Identity, ca: Identity, ra: Identity): Uint8Array {
  return buildMessage(renewing, ra, buildCsr(renewing), {
    certificatesDer: [renewing.certificateDer, ca.certificateDer],
  })
}

function makeTargets(messages: readonly Uint8Array[]): string[] {
  return messages.flatMap((message) => {
    const base64 = Buffer.from(message).toString('base64')
    return [
      `/certsrv/mscep/mscep.dll?operation=PKIOperation&message=${base64}`,
      `/scep/x?a=1?operation=PKIOperation&message=${encodeURIComponent(base64)}`,
      `http://host/scep?operation=GetCACert&message=CA%20identifier&x=${base64}`,
    ]
  })
}
