import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import {
  type CaKeyType,
  createAuthority,
  createEmbeddedCa,
  createOcspResponder,
  findCrlShard,
  generateSerial,
  issueCertificate,
  prepareIssuer,
} from '../../src/ca/index.ts'
import { describeIssued } from '../../src/connector/enrolment/issuance.ts'
import {
  type CertificateRules,
  checkCertificatePolicy,
} from '../../src/connector/policy/certificate-policy.ts'
import { fromHex } from '../../src/kernel/index.ts'
import {
  type Certificate,
  type CertificationRequest,
  type Extension,
  encodeContext,
  encodeExtensions,
  encodeGeneralName,
  encodeInteger,
  encodeName,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeOtherName,
  encodeSequence,
  encodeSubjectAltName,
  encodeUtf8String,
  OID,
  parseCertificate,
  parseElement,
  signWith,
} from '../../src/pki/index.ts'
import { createMemoryStore } from '../support/memory-store.ts'

/** What linters call an object, which decides the rules for it. */
export type LintedKind = 'root' | 'issuing' | 'ra' | 'device' | 'crl' | 'ocsp'

/** One certificate, CRL or OCSP answer that the embedded CA made, as it made it. */
export interface LintedObject {
  readonly name: string
  readonly kind: LintedKind
  readonly der: Uint8Array
}

/** Everything that one embedded CA makes. */
export interface LintedFamily {
  readonly keyType: CaKeyType
  readonly objects: readonly LintedObject[]
  readonly root: Uint8Array
  readonly issuing: Uint8Array
  /** A good device certificate, and one that every CRL of its scope lists. Both name a shard. */
  readonly good: Certificate
  readonly revoked: Certificate
  /** Of the shards that the two name; the delta adds to a CRL in which nobody is revoked. */
  readonly crls: {
    readonly empty: Uint8Array
    readonly full: Uint8Array
    readonly shardOfGood: Uint8Array
    readonly shardOfRevoked: Uint8Array
    readonly delta: Uint8Array
  }
  readonly answers: { readonly good: Uint8Array; readonly revoked: Uint8Array }
}

const caId = 'linted'
const base = 'http://pki.example.org'
const sid = 'S-1-5-21-1111111111-2222222222-3333333333-1001'
const userPrincipalName = '1.3.6.1.4.1.311.20.2.3'

const rules: CertificateRules = {
  validityDays: 365,
  backdateMinutes: 10,
  minRsaBits: 2048,
  keyTypes: ['rsa', 'ec'],
  allowEmptySubject: true,
  allowedEkus: [OID.clientAuth],
  defaultEkus: [OID.clientAuth],
  allowedKeyUsages: ['digitalSignature', 'keyEncipherment'],
  defaultKeyUsages: ['digitalSignature'],
  sanKinds: ['dns', 'email', 'uri', 'ip', 'upn'],
  sid: 'pass-uri',
  requireSid: false,
}

const rsaKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
const ecKey = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey
const rsa = {
  spkiDer: new Uint8Array(rsaKey.export({ type: 'spki', format: 'der' })),
  publicKey: { algorithm: 'rsa', bits: 2048, exponent: 65_537 },
} as const
const ec = {
  spkiDer: new Uint8Array(ecKey.export({ type: 'spki', format: 'der' })),
  publicKey: { algorithm: 'ec', bits: 256, curve: 'P-256' },
} as const

interface ProfileKind {
  readonly name: string
  readonly key: typeof rsa | typeof ec
  readonly commonName: string | undefined
  readonly san: readonly Uint8Array[]
  readonly rules?: Partial<CertificateRules>
  readonly directorySid?: string
}

const dns = encodeGeneralName('dns', 'device-1.example.org')
const upn = encodeOtherName(userPrincipalName, encodeUtf8String('user@example.org'))

/** What profiles make of a request, one of each kind. */
const kinds: readonly ProfileKind[] = [
  { name: 'device', key: rsa, commonName: 'device-1', san: [dns] },
  { name: 'device-ec', key: ec, commonName: 'device-1', san: [dns] },
  {
    name: 'user',
    key: rsa,
    commonName: 'A User',
    san: [encodeGeneralName('email', 'user@example.org'), upn],
    rules: { defaultKeyUsages: ['digitalSignature', 'keyEncipherment'] },
  },
  { name: 'no-subject', key: ec, commonName: undefined, san: [dns] },
  { name: 'no-san', key: rsa, commonName: 'device-1', san: [] },
  {
    name: 'sid-uri',
    key: rsa,
    commonName: 'device-1',
    san: [dns, encodeGeneralName('uri', `tag:microsoft.com,2022-09-14:sid:${sid}`)],
  },
  {
    name: 'sid',
    key: rsa,
    commonName: 'device-1',
    san: [dns],
    rules: { sid: 'verified' },
    directorySid: sid,
  },
]

function requestOf({ commonName, key, san }: ProfileKind): CertificationRequest {
  const extensions: Extension[] = san.length === 0 ? [] : [encodeSubjectAltName([...san], false)]
  return {
    der: new Uint8Array(),
    subjectDer: encodeName(
      commonName === undefined ? [] : [{ oid: OID.commonName, value: commonName }],
    ),
    subject: commonName === undefined ? '' : `CN=${commonName}`,
    ...key,
    challengePassword: undefined,
    extensions,
    nameValuePairs: [],
    signatureAlgorithmOid: OID.sha256WithRsaEncryption,
  }
}

/** Makes a CA whose root and issuing key are of this type, and all that it signs. Takes seconds with RSA-4096. */
export async function makeFamily(keyType: CaKeyType): Promise<LintedFamily> {
  const start = new Date(Math.floor(Date.now() / 1000) * 1000 - 7_200_000)
  const clock = { now: start }
  const { issuing, ras, root } = await createAuthority({
    names: { name: `Linted CA ${keyType}`, organisation: 'Contoso', country: 'CH' },
    rootKey: keyType,
    issuingKey: keyType,
    raPair: true,
    now: start,
    random: randomBytes,
  })
  const crlUrl = `${base}/crl/${caId}.crl`
  const issuer = prepareIssuer({
    caId,
    certificateDer: issuing.certificateDer,
    keyPkcs8Der: issuing.key.export({ format: 'der', type: 'pkcs8' }),
    caIssuersUrl: `${base}/aia/${caId}.cer`,
    crlUrl,
    crlShards: 2,
    ocspUrl: `${base}/ocsp`,
    allowsSidExtension: true,
  })
  const signer = {
    issueCertificate: async (_caId: string, order: Parameters<typeof issueCertificate>[0]) =>
      issueCertificate(order, issuer),
    sign: async (_caId: string, data: Uint8Array) => signWith(issuer.key, data),
  }
  const { certificates, crls } = createMemoryStore()
  const ca = createEmbeddedCa({
    id: caId,
    chain: [issuing.certificateDer, root.certificateDer],
    signer,
    certificates,
    crls,
    crlUrl,
    crlRules: { shards: 2, delta: { validityHours: 48, baseHours: 24 } },
    clock: { now: () => clock.now },
  })
  const respond = createOcspResponder({
    authorities: () => [
      {
        caId,
        issuerDer: issuing.certificateDer,
        cacheMs: 0,
        validityMs: 3_600_000,
        maxSignedPerSecond: 0,
      },
    ],
    signer,
    certificates,
    clock: { now: () => clock.now },
    random: randomBytes,
    onFailure: (error) => {
      throw error
    },
  })

  async function issue(kind: ProfileKind): Promise<Certificate> {
    const verdict = checkCertificatePolicy(
      requestOf(kind),
      { ...rules, ...kind.rules },
      start,
      kind.directorySid,
    )
    if (verdict.kind === 'refused') throw new Error(`${kind.name}: ${verdict.reason}`)
    const order = { ...verdict.order, serialHex: generateSerial(randomBytes) }
    const certificate = parseCertificate(issueCertificate(order, issuer))
    const intent = {
      requestKey: order.serialHex,
      caId,
      profile: kind.name,
      transactionId: order.serialHex,
      subject: certificate.subject,
      order,
      reservedAt: start,
    }
    await certificates.reserve(intent, 'one', start, start)
    await certificates.complete(intent, describeIssued(intent, certificate, start), undefined)
    return certificate
  }

  const devices: LintedObject[] = []
  for (const kind of kinds)
    devices.push({ name: kind.name, kind: 'device', der: (await issue(kind)).der })
  const [device] = kinds
  if (device === undefined) throw new Error('there are no kinds of profiles')
  const [good, revoked, released] = [await issue(device), await issue(device), await issue(device)]
  const empty = await ca.publishCrl()
  clock.now = new Date(start.getTime() + 3_600_000)
  await certificates.revoke(caId, released.serialHex, 6, clock.now)
  await ca.publishCrl()
  clock.now = new Date(start.getTime() + 7_100_000)
  await certificates.release(caId, released.serialHex, clock.now)
  await certificates.revoke(caId, revoked.serialHex, 1, clock.now)
  for (const reason of [0, 2, 3, 4, 5, 6, 9, 10] as const)
    await certificates.revoke(caId, (await issue(device)).serialHex, reason, clock.now)
  const full = await ca.publishCrl()

  const shardOf = (certificate: Certificate) => {
    const part = full.parts.get(String(findCrlShard(certificate)))
    if (part === undefined) throw new Error('a certificate names a shard that is not there')
    return part.der
  }
  const delta = full.parts.get('delta')
  if (delta === undefined) throw new Error('there is no delta')
  const ask = async (serialHex: string, nonce?: Uint8Array) =>
    (await respond(requestFor(issuing.certificateDer, serialHex, nonce))).der
  const answers = {
    good: await ask(good.serialHex),
    revoked: await ask(revoked.serialHex),
    unknown: await ask(generateSerial(randomBytes)),
    nonce: await ask(good.serialHex, randomBytes(32)),
  }
  return {
    keyType,
    root: root.certificateDer,
    issuing: issuing.certificateDer,
    good,
    revoked,
    crls: {
      empty: empty.der,
      full: full.der,
      shardOfGood: shardOf(good),
      shardOfRevoked: shardOf(revoked),
      delta: delta.der,
    },
    answers,
    objects: [
      { name: 'root', kind: 'root', der: root.certificateDer },
      { name: 'issuing', kind: 'issuing', der: issuing.certificateDer },
      ...ras.map(({ certificateDer: der }, index) => ({
        name: index === 0 ? 'ra' : `ra-${index + 1}`,
        kind: 'ra' as const,
        der,
      })),
      ...devices,
      { name: 'empty', kind: 'crl', der: empty.der },
      { name: 'full', kind: 'crl', der: full.der },
      { name: 'shard', kind: 'crl', der: shardOf(revoked) },
      { name: 'delta', kind: 'crl', der: delta.der },
      ...Object.entries(answers).map(([name, der]) => ({ name, kind: 'ocsp' as const, der })),
    ],
  }
}

function requestFor(issuerDer: Uint8Array, serialHex: string, nonce?: Uint8Array): Uint8Array {
  const { subjectDer, spkiDer } = parseCertificate(issuerDer)
  const bits = parseElement(spkiDer).children[1]?.value.subarray(1) ?? new Uint8Array()
  const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash('sha1').update(bytes).digest())
  const id = encodeSequence(
    encodeSequence(encodeOid('1.3.14.3.2.26'), encodeNull()),
    encodeOctetString(sha1(subjectDer)),
    encodeOctetString(sha1(bits)),
    encodeInteger(fromHex(serialHex)),
  )
  const list = encodeSequence(encodeSequence(id))
  if (nonce === undefined) return encodeSequence(encodeSequence(list))
  const valueDer = encodeOctetString(nonce)
  const extensions = encodeExtensions([{ oid: OID.ocspNonce, critical: false, valueDer }])
  return encodeSequence(encodeSequence(list, encodeContext(2, extensions)))
}
