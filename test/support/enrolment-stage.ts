import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import {
  type CaBackend,
  createAuthority,
  createEmbeddedCa,
  type EnrolOrder,
  type EnrolResult,
  issueCertificate,
  type NewAuthority,
  prepareIssuer,
} from '../../src/ca/index.ts'
import {
  type Courier,
  closeOverdue,
  createChallengeHash,
  createCourier,
  createPayloadCipher,
  createSafekeeping,
  createScepEnrolment,
  type EnrolmentPorts,
  type EnrolmentProfile,
  type NotificationPauses,
  type ScepEnrolment,
} from '../../src/connector/index.ts'
import type { EventRecord } from '../../src/events/index.ts'
import { ConnectorError } from '../../src/kernel/index.ts'
import type { ScepNotification, Verdict } from '../../src/management/ports.ts'
import { encodeName, OID, signWith } from '../../src/pki/index.ts'
import type {
  FailInfo,
  OpenOutcome,
  Reply,
  ScepCodec,
  ScepQuery,
  ScepRequest,
} from '../../src/scep/index.ts'
import type { Spool, SpoolEntry, Store } from '../../src/store/index.ts'
import { createMemoryStore, type MemoryStore } from './memory-store.ts'
import { recordedJournal } from './recorded-journal.ts'
import { scepRules } from './scep-messages/codec-rules.ts'

/** The moment at which the tests of the enrolment begin. */
export const STAGE_START = new Date('2026-06-01T12:00:00.000Z')

/** Online pauses of the stage, in seconds; without spread. */
export const STAGE_PAUSES: NotificationPauses = {
  onlineSeconds: [1, 5],
  courierSeconds: [900, 3600],
  giveUpDays: 7,
}

/** What a test can make happen. Set the members at any time. */
export interface StageFaults {
  /** Answers a validation instead of a yes; may throw. */
  validate: (() => Verdict) | undefined
  /** Runs before each notification is taken; throwing refuses it. */
  notify: ((attempt: number) => void | Promise<void>) | undefined
  /** Answers an order instead of the CA; undefined lets the CA sign; may throw. */
  enrol: ((order: EnrolOrder) => Promise<EnrolResult | undefined>) | undefined
  /** Runs before a revocation; throwing makes it fail. */
  revoke: (() => void) | undefined
  /** Runs before a reply is sealed; throwing makes it fail. */
  seal: ((reply: Reply) => void) | undefined
  /** The disk of the spool refuses. */
  isSpoolBroken: boolean
}

/** A CertRep of the stage, opened. */
export interface StageAnswer {
  readonly outcome: string
  readonly status: Reply['status']
  readonly nonceHex: string
  readonly certificateHex: string | undefined
  readonly crlHex: string | undefined
  readonly failInfo: FailInfo | undefined
  readonly failText: string | undefined
}

/** One instance of the connector: real steps, courier, safekeeping, journal and embedded CA; the rest in memory. */
export interface Stage {
  readonly faults: StageFaults
  readonly clock: { now(): Date; advance(ms: number): void }
  readonly events: readonly EventRecord[]
  /** What the management service has taken. */
  readonly told: readonly ScepNotification[]
  readonly counts: { validations: number; notifications: number; signatures: number; wakes: number }
  readonly ca: CaBackend
  readonly spool: Spool & { readonly entries: ReadonlyMap<string, SpoolEntry> }
  readonly cipher: ReturnType<typeof createPayloadCipher>
  readonly courier: Courier
  readonly safekeeping: ReturnType<typeof createSafekeeping>
  enrol(
    message: ScepRequest | ScepQuery,
    profile?: Partial<EnrolmentProfile>,
    urlParams?: Readonly<Record<string, string>>,
  ): Promise<StageAnswer>
  /** Ends what nobody asks for any more. */
  closeOverdue(profile?: Partial<EnrolmentProfile>): Promise<number>
  /** Resolves when nothing goes on in the background any more. */
  settled(): Promise<void>
  /** One round of the courier. */
  deliverDue(): Promise<void>
  /** Numbers of the events so far, in order; of one channel where it is named. */
  eventIds(channel?: 'admin' | 'operational'): number[]
}

/** Nothing waits: what cannot be decided is refused. */
export const STAGE_WAITING: EnrolmentProfile['waiting'] = {
  manualApproval: false,
  approvalDays: 7,
  syncTimeoutMs: 3_600_000,
  outageReply: 'fail',
  outageMinutes: 15,
  maxRequests: 10,
}

export interface StageOptions {
  /** Shared with another stage: a second instance, or the same one after a restart. */
  readonly beside?: Stage & { readonly store: Store }
  readonly holder?: string
  readonly store?: Store
  readonly pauses?: NotificationPauses
}

let authority: Promise<NewAuthority> | undefined

function getAuthority(): Promise<NewAuthority> {
  authority ??= createAuthority({
    names: { name: 'Stage CA', organisation: 'Contoso' },
    rootKey: 'p256',
    issuingKey: 'p256',
    now: STAGE_START,
    random: randomBytes,
  })
  return authority
}

/** Sets the stage. With `beside`: another instance over the same store, spool, keys and clock. */
export async function createStage<StoreKind extends Store = MemoryStore>(
  options: StageOptions & { readonly store?: StoreKind } = {},
): Promise<Stage & { readonly store: StoreKind }> {
  const { beside } = options
  // A second instance has the store of the first, of whatever kind that is.
  const store = (options.store ?? beside?.store ?? createMemoryStore()) as StoreKind
  const faults: StageFaults = {
    validate: undefined,
    notify: undefined,
    enrol: undefined,
    revoke: undefined,
    seal: undefined,
    isSpoolBroken: false,
  }
  const clock = beside?.clock ?? createClock()
  const counts = { validations: 0, notifications: 0, signatures: 0, wakes: 0 }
  const told: ScepNotification[] = []
  const cipher = beside?.cipher ?? createPayloadCipher(randomBytes(32))
  const spool = beside?.spool ?? createMemorySpool(faults)
  const { journal, records, eventIds } = recordedJournal(clock)
  const ca = await createStageCa(store, clock, faults, counts)
  const holder = options.holder ?? 'one'
  const { certificates, outbox } = store
  const safekeeping = createSafekeeping({ certificates, spool, cipher, journal, clock })
  const profile: EnrolmentProfile = {
    name: 'default',
    scep: scepRules(),
    capabilities: [],
    validator: {
      async validate() {
        counts.validations += 1
        return faults.validate?.() ?? { kind: 'accepted', serverRequestId: 'server-1' }
      },
    },
    notifier: {
      async notify(notification) {
        counts.notifications += 1
        await faults.notify?.(counts.notifications)
        told.push(notification)
        return { serverRequestId: 'server-2' }
      },
    },
    notifyMode: 'deferred',
    certificate: {
      validityDays: 365,
      backdateMinutes: 10,
      minRsaBits: 2048,
      keyTypes: ['rsa', 'ec'],
      allowEmptySubject: false,
      allowedEkus: [OID.clientAuth],
      defaultEkus: [OID.clientAuth],
      allowedKeyUsages: ['digitalSignature'],
      defaultKeyUsages: ['digitalSignature'],
      sanKinds: ['dns'],
      sid: 'reject',
      requireSid: false,
    },
    sids: undefined,
    issuers: {
      backendFor: () => ca,
      findByName: () => ca,
      raFingerprint: () => undefined,
      list: () => [ca],
    },
    queries: { getCrl: true, openCertQueries: false },
    waiting: STAGE_WAITING,
    templates: [],
    renewal: { allowCertificateOnly: false, windowDays: 60, graceDays: 0 },
    caParameters: {},
    replayWindowMs: 86_400_000,
  }
  const makeCourier = (onClaim?: () => void): Courier =>
    createCourier(
      {
        outbox: {
          ...outbox,
          claimDue: async (...terms) => {
            onClaim?.()
            return await outbox.claimDue(...terms)
          },
        },
        notifierOf: (name) => (name === profile.name ? profile.notifier : undefined),
        cipher,
        journal,
        clock,
        pauses: options.pauses ?? STAGE_PAUSES,
        holder,
        random: () => 0.5,
      },
      safekeeping,
      { roundMs: 3_600_000, batch: 10, attemptMs: 1000, strictPausesMs: [1, 1] },
    )
  const courier: Courier = {
    ...makeCourier(),
    // Rounds are driven by the test.
    wake: () => {
      counts.wakes += 1
    },
  }
  const background: Promise<unknown>[] = []
  const enrolments = new Map<string, ScepEnrolment>()
  const waiting = new Map<string, ScepRequest | ScepQuery>()
  const ports: EnrolmentPorts = {
    codec: createStageCodec(waiting, faults),
    certificates,
    blockedKeys: new Set(),
    crls: store.crls,
    pending: store.pending,
    background: (work) => void background.push(work),
    safekeeping,
    courier,
    cipher,
    challengeHash: createChallengeHash(new Uint8Array(32)),
    journal,
    clock,
    randomBytes,
    holder,
  }

  async function enrol(
    message: ScepRequest | ScepQuery,
    change: Partial<EnrolmentProfile> = {},
    urlParams: Readonly<Record<string, string>> = {},
  ): Promise<StageAnswer> {
    const key = Object.entries(change).map(String).join()
    const enrolment = enrolments.get(key) ?? createScepEnrolment({ ...profile, ...change }, ports)
    enrolments.set(key, enrolment)
    const id = randomBytes(8).toString('hex')
    waiting.set(id, message)
    const answer = await enrolment(Buffer.from(id), {
      requestId: id,
      remoteAddress: '192.0.2.1',
      urlParams: new Map(Object.entries(urlParams)),
      signal: new AbortController().signal,
    })
    return { ...JSON.parse(Buffer.from(answer.replyDer).toString()), outcome: answer.outcome }
  }

  return {
    faults,
    clock,
    events: records,
    told,
    counts,
    store,
    ca,
    spool,
    cipher,
    courier,
    safekeeping,
    enrol,
    closeOverdue: async (change = {}) =>
      await closeOverdue(new Map([[profile.name, { ...profile, ...change }]]), ports),
    async settled() {
      await Promise.all(background)
    },
    async deliverDue() {
      const claimed = Promise.withResolvers<void>()
      const round = makeCourier(claimed.resolve)
      round.start()
      await claimed.promise
      await round.stop()
    },
    eventIds,
  }
}

/** What a device asks for; every request is another one unless it is given the same twice. */
export function createDeviceRequest(change: Partial<ScepRequest> = {}): ScepRequest {
  const name = `device-${randomBytes(4).toString('hex')}`
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const challengePassword = `challenge-of-${name}`
  const der = new Uint8Array(Buffer.from(`request of ${name} with ${challengePassword}`))
  return {
    frame: {
      transactionId: name,
      transactionIdDer: new Uint8Array(Buffer.from(name)),
      senderNonce: new Uint8Array(randomBytes(16)),
      digest: 'sha256',
      cipher: 'aes-128-cbc',
      keyTransport: 'pkcs1',
      isByPassword: false,
      raFingerprintHex: undefined,
      recipient: undefined,
    },
    messageType: 'PKCSReq',
    csr: {
      der,
      subjectDer: encodeName([{ oid: OID.commonName, value: name }]),
      subject: `CN=${name}`,
      spkiDer: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
      publicKey: { algorithm: 'ec', bits: 256, curve: 'P-256' },
      challengePassword,
      extensions: [],
      nameValuePairs: [],
      signatureAlgorithmOid: '1.2.840.10045.4.3.2',
    },
    csrSha256Hex: createHash('sha256').update(der).digest('hex'),
    signer: {
      certificateDer: new Uint8Array(),
      sha256Hex: createHash('sha256').update(name).digest('hex'),
      publicKeySha256Hex: createHash('sha256').update(`key of ${name}`).digest('hex'),
      isSelfSigned: true,
      subject: `CN=${name}`,
      hasCsrKey: true,
    },
    signingTime: undefined,
    ...change,
  }
}

/** The same request as it is sent again: another nonce, nothing else. */
export function sendAgain(request: ScepRequest): ScepRequest {
  const senderNonce = new Uint8Array(randomBytes(16))
  return { ...request, frame: { ...request.frame, senderNonce } }
}

function createClock(): Stage['clock'] {
  let now = STAGE_START.getTime()
  return {
    now: () => new Date(now),
    advance: (ms) => {
      now += ms
    },
  }
}

/** Opens a message to the request that waits under its name; seals a reply as JSON. */
function createStageCodec(
  waiting: ReadonlyMap<string, ScepRequest | ScepQuery>,
  faults: StageFaults,
): ScepCodec {
  return {
    async open(messageDer): Promise<OpenOutcome> {
      const message = waiting.get(Buffer.from(messageDer).toString())
      if (message === undefined) throw new ConnectorError('scep/malformed', 'no such request')
      return 'asked' in message
        ? { kind: 'asked', query: message }
        : { kind: 'opened', request: message }
    },
    async seal(frame, reply) {
      faults.seal?.(reply)
      const answer: Omit<StageAnswer, 'outcome'> = {
        status: reply.status,
        nonceHex: Buffer.from(frame.senderNonce ?? []).toString('hex'),
        certificateHex:
          reply.status === 'SUCCESS' && 'certificateDer' in reply
            ? Buffer.from(reply.certificateDer).toString('hex')
            : undefined,
        crlHex:
          reply.status === 'SUCCESS' && 'crlDer' in reply
            ? Buffer.from(reply.crlDer).toString('hex')
            : undefined,
        failInfo: reply.status === 'FAILURE' ? reply.refusal.failInfo : undefined,
        failText: reply.status === 'FAILURE' ? reply.refusal.text : undefined,
      }
      return new Uint8Array(Buffer.from(JSON.stringify(answer)))
    },
  }
}

async function createStageCa(
  store: Store,
  clock: Stage['clock'],
  faults: StageFaults,
  counts: Stage['counts'],
): Promise<CaBackend> {
  const made = await getAuthority()
  const issuer = prepareIssuer({
    caId: 'main',
    certificateDer: made.issuing.certificateDer,
    keyPkcs8Der: new Uint8Array(made.issuing.key.export({ type: 'pkcs8', format: 'der' })),
    caIssuersUrl: 'http://pki.example/aia/main.cer',
    crlUrl: 'http://pki.example/crl/main.crl',
  })
  const ca = createEmbeddedCa({
    id: 'main',
    chain: [made.issuing.certificateDer, made.root.certificateDer],
    signer: {
      issueCertificate: async (_caId, order) => {
        counts.signatures += 1
        return issueCertificate(order, issuer)
      },
      sign: async (_caId, data) => signWith(issuer.key, data),
    },
    certificates: store.certificates,
    crls: store.crls,
    clock,
  })
  return {
    ...ca,
    enrol: async (order, signal) =>
      (await faults.enrol?.(order)) ?? (await ca.enrol(order, signal)),
    revoke: async (order, signal) => {
      faults.revoke?.()
      return await ca.revoke(order, signal)
    },
  }
}

/** A spool in a Map, with a disk that can refuse. */
function createMemorySpool(faults: StageFaults): Stage['spool'] {
  const entries = new Map<string, SpoolEntry>()
  const check = (): void => {
    if (faults.isSpoolBroken)
      throw new ConnectorError('spool/unavailable', 'the disk of the spool refuses')
  }
  return {
    entries,
    async save(entry) {
      check()
      entries.set(entry.id, entry)
    },
    async list() {
      check()
      return { entries: [...entries.values()], unreadable: [] }
    },
    async remove(id) {
      check()
      entries.delete(id)
    },
  }
}
