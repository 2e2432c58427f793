import { createPrivateKey, createPublicKey, hash, randomBytes, randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import {
  type AuthorityGeneration,
  createEmbeddedCa,
  generateSerial,
  getIssuerMaterial,
  type Issuer,
  issueCertificate,
  prepareIssuer,
} from '../src/ca/index.ts'
import { demonstrationConfiguration } from '../src/config/index.ts'
import {
  createKeyPairs,
  createPayloadCipher,
  createPkcsIssuance,
  type KeyPairs,
  type WorkHandler,
} from '../src/connector/index.ts'
import { createFileSink, createJournal, type Journal } from '../src/events/index.ts'
import { systemClock } from '../src/kernel/index.ts'
import type { PkcsRequest } from '../src/management/index.ts'
import { encodePfx, generatePfxPassword, RANDOM_PASSWORD_ITERATIONS } from '../src/pfx/index.ts'
import { encodeName, OID, parseCertificate } from '../src/pki/index.ts'
import { openStore, type Store } from '../src/store/index.ts'
import { createCryptoPool } from '../src/workers/index.ts'
import { ownCpuMs } from './figures.ts'
import { CA_ID } from './server.ts'

/** What PKCS certificates cost with one key of the issuing CA. */
export interface PkcsResult {
  /** Items a second, of each round. */
  readonly itemsPerSecond: readonly number[]
  /** CPU of this process for one item, all threads, of each round. */
  readonly itemCpuMs: readonly number[]
  /** CPU of one RSA-2048 key pair, and how many a second come from all cores. */
  readonly keyCpuMs: number
  readonly keysPerSecond: number
  readonly items: number
  readonly failures: number
  readonly complaints: readonly string[]
}

/** How much is measured. */
export interface PkcsOrder {
  readonly rounds: number
  readonly itemsPerRound: number
  readonly keys: number
}

const QUEUE = 'bench/pkcs'
const HOLDER = 'bench'
const DAY_MS = 86_400_000
const DEVICE_ID = 'aaaaaaaa-0000-4000-8000-000000000001'

type Handler = WorkHandler<'pkcs'>

/**
 * Carries PKCS items out as the work loop does: the real handler, with worker threads, SQLite on disk and an event log, the
 * key sealed into the journal before the CA is asked. Keys are made ahead and measured apart. No service is asked: download
 * and upload are not in it.
 *
 * @param devicesPkcs8Der RSA-2048 keys that items get in turn
 * @param folder empty; for database and log
 */
export async function measurePkcs(
  generation: AuthorityGeneration,
  devicesPkcs8Der: readonly Uint8Array[],
  folder: string,
  order: PkcsOrder,
): Promise<PkcsResult> {
  const keys = await measureKeys(order.keys)
  const store = await openStore({ kind: 'sqlite', file: join(folder, 'connector.db') })
  const material = {
    ...getIssuerMaterial(generation, CA_ID, {
      caIssuersUrl: 'http://127.0.0.1/aia/default.cer',
      crlUrl: 'http://127.0.0.1/crl/default.crl',
    }),
    allowsSidExtension: true,
  }
  const pool = createCryptoPool({
    size: availableParallelism(),
    keys: { ras: generation.ras.map((ra) => ({ ...ra, issuersDer: [] })), issuers: [material] },
  })
  const sink = createFileSink({ directory: folder })
  try {
    await pool.ready()
    const ca = createEmbeddedCa({
      id: CA_ID,
      chain: [generation.issuingDer, generation.rootDer],
      signer: pool,
      certificates: store.certificates,
      crls: store.crls,
      clock: systemClock,
    })
    const { pkcs } = demonstrationConfiguration('/')
    const handler = createPkcsIssuance({
      templates: pkcs.templates,
      authorities: { current: () => ca, find: () => ca },
      certificates: store.certificates,
      keyPairs: turnsOf(devicesPkcs8Der),
      recipients: {
        deviceIssuers: [parseCertificate(generation.issuingDer)],
        minProfile: pkcs.minProfile,
      },
      fleetIssuer: () => undefined,
      pfx: {
        generatePassword: () => generatePfxPassword(randomBytes),
        encode: (content, password, encryption) =>
          encodePfx(content, password, encryption, randomBytes, RANDOM_PASSWORD_ITERATIONS),
      },
      random: randomBytes,
      parallel: pkcs.parallel,
      clock: systemClock,
      holder: HOLDER,
    })
    const journal = createJournal({
      identity: {
        connectorId: 'bench',
        connectorName: 'bench',
        connectorVersion: '0',
        machineName: 'bench',
      },
      sinks: [sink],
      clock: systemClock,
      debug: { admin: false, operational: false },
    })
    const [deviceKey] = devicesPkcs8Der
    if (deviceKey === undefined) throw new TypeError('there are no keys')
    const recipientDer = issueDevice(prepareIssuer(material), deviceKey)
    const stage = { handler, store, journal, parallel: pkcs.parallel, recipientDer }
    // Code is compiled while it runs.
    await carryOut(stage, Math.ceil(order.itemsPerRound / 4))
    const rounds = []
    for (let round = 0; round < order.rounds; round += 1)
      rounds.push(await carryOut(stage, order.itemsPerRound))
    return {
      ...keys,
      itemsPerSecond: rounds.map(({ perSecond }) => perSecond),
      itemCpuMs: rounds.map(({ cpuMs }) => cpuMs),
      items: order.rounds * order.itemsPerRound,
      failures: rounds.flatMap(({ complaints }) => complaints).length,
      complaints: rounds.flatMap(({ complaints }) => complaints).slice(0, 3),
    }
  } finally {
    await sink.close()
    await pool.close()
    await store.close()
  }
}

/** Made as the product makes them, on all cores. */
async function measureKeys(count: number): Promise<Pick<PkcsResult, 'keyCpuMs' | 'keysPerSecond'>> {
  const keyPairs = createKeyPairs(0)
  let left = count
  const start = performance.now()
  const before = ownCpuMs()
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      while (left > 0) {
        left -= 1
        await keyPairs.take('rsa2048')
      }
    }),
  )
  return {
    keyCpuMs: (ownCpuMs() - before) / count,
    keysPerSecond: (count * 1_000) / (performance.now() - start),
  }
}

/** Keys that are there already, each time as octets of its own: whoever took one clears it. */
function turnsOf(devicesPkcs8Der: readonly Uint8Array[]): KeyPairs {
  const pairs = devicesPkcs8Der.map((keyDer) => ({
    keyDer,
    spkiDer: publicKeyOf(keyDer),
  }))
  let next = 0
  return {
    async take() {
      const pair = pairs[next % pairs.length]
      next += 1
      if (pair === undefined) throw new TypeError('there are no keys')
      return { ...pair, keyDer: Uint8Array.from(pair.keyDer) }
    },
    stop: () => undefined,
  }
}

/** One round: items that are in the journal, carried out as many at a time as the configuration has by default. */
async function carryOut(
  {
    handler,
    store,
    journal,
    parallel,
    recipientDer,
  }: {
    readonly handler: Handler
    readonly store: Store
    readonly journal: Journal
    readonly parallel: number
    readonly recipientDer: Uint8Array
  },
  count: number,
): Promise<{
  readonly perSecond: number
  readonly cpuMs: number
  readonly complaints: readonly string[]
}> {
  const cipher = createPayloadCipher(randomBytes(32))
  const payload = cipher.seal(randomBytes(4_000))
  const now = new Date()
  await store.work.receive(
    Array.from({ length: count }, () => ({
      id: randomUUID(),
      queue: QUEUE,
      contextHash: hash('sha256', randomBytes(16)),
      attempt: 1,
      payload,
      receivedAt: now,
    })),
  )
  const lease = { holder: HOLDER, now, until: new Date(now.getTime() + DAY_MS) }
  const records = [...(await store.work.claim(QUEUE, 'received', lease, count))]
  const complaints: string[] = []

  const start = performance.now()
  const before = ownCpuMs()
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (let record = records.pop(); record !== undefined; record = records.pop()) {
        const { id } = record
        const verdict = await handler.carryOut({
          requestContext: id,
          request: requestFor(recipientDer),
          isLastAttempt: false,
          progress: undefined,
          keep: async (progress) => {
            if (!(await store.work.advance(id, HOLDER, cipher.seal(progress))))
              throw new Error('the item is not ours')
          },
          log: journal.child({ transactionId: id }),
          signal: AbortSignal.timeout(60_000),
        })
        if (!verdict.end.succeeded) complaints.push(`PKCS: ${verdict.end.errorMessage}`)
      }
    }),
  )
  return {
    perSecond: (count * 1_000) / (performance.now() - start),
    cpuMs: (ownCpuMs() - before) / count,
    complaints,
  }
}

/** What the demonstration's template allows, for the device of the bench. */
function requestFor(certificateDer: Uint8Array): PkcsRequest {
  return {
    requestId: randomUUID(),
    tenantId: undefined,
    deviceId: DEVICE_ID,
    userId: randomUUID(),
    profileId: randomUUID(),
    platform: 'windows10AndLater',
    userPrincipalName: 'user1@corp.example',
    certificateType: 'user',
    requestType: 'new',
    renewsThumbprintHex: undefined,
    certificationAuthority: 'ca1.corp.example',
    certificationAuthorityName: 'Corp Issuing CA',
    certificateTemplateName: 'IntuneUser',
    caProvider: 'auto',
    subjectName: 'CN=user1,E=user1@corp.example,O=Corp',
    subjectAlternativeNames: [
      { sanType: 'userPrincipalName', name: 'user1@corp.example' },
      { sanType: 'emailAddress', name: 'user1@corp.example' },
    ],
    onPremisesSecurityIdentifier: 'S-1-5-21-1111111111-2222222222-3333333333-1001',
    keyAlgorithm: 'rsa',
    keySize: 2048,
    hashAlgorithm: 'sha256',
    keyUsage: ['digitalSignature', 'keyEncipherment'],
    extendedKeyUsages: ['1.3.6.1.5.5.7.3.2'],
    validity: { value: 1, scale: 'years' },
    payload: { protection: 'passwordCms', pfxEncryption: 'aes256', includeChain: true },
    recipients: [
      {
        certificateDer,
        thumbprintHex: hash('sha1', certificateDer, 'hex'),
        keyWrap: 'rsaes-oaep-sha256',
        contentEncryption: 'aes-256-cbc',
        chain: [],
      },
    ],
    escrowRecipients: [],
    resumeCaRequestId: undefined,
  }
}

/** Of a device that the CA of the bench vouches for. */
function issueDevice(issuer: Issuer, keyPkcs8Der: Uint8Array): Uint8Array {
  const now = Date.now()
  return issueCertificate(
    {
      serialHex: generateSerial(randomBytes),
      subjectDer: encodeName([{ oid: OID.commonName, value: DEVICE_ID }]),
      spkiDer: publicKeyOf(keyPkcs8Der),
      notBefore: new Date(now - DAY_MS),
      notAfter: new Date(now + DAY_MS),
      extensions: [],
    },
    issuer,
  )
}

function publicKeyOf(keyPkcs8Der: Uint8Array): Uint8Array {
  const key = createPrivateKey({ key: Buffer.from(keyPkcs8Der), format: 'der', type: 'pkcs8' })
  return new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' }))
}
