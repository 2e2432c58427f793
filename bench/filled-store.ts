import { createHash, randomBytes } from 'node:crypto'
import { generateSerial } from '../src/ca/index.ts'
import { toHex } from '../src/kernel/index.ts'
import { encodeName, OID } from '../src/pki/index.ts'
import { openStore } from '../src/store/index.ts'
import { CA_ID } from './server.ts'

const BATCH = 1_000
const DAY_MS = 86_400_000

/**
 * Fills a new register with issued certificates, through the store as the server does: an intent, then its completion.
 * Keys, certificates and extensions have the size of real ones and random content. A year of issuance, oldest first.
 */
export async function fillStore(file: string, certificates: number): Promise<void> {
  const store = await openStore({ kind: 'sqlite', file })
  try {
    const yearAgo = Date.now() - 365 * DAY_MS
    for (let first = 0; first < certificates; first += BATCH) {
      const indices = Array.from(
        { length: Math.min(BATCH, certificates - first) },
        (_, offset) => first + offset,
      )
      await Promise.all(
        indices.map(async (index) => {
          const at = new Date(yearAgo + Math.floor((index / certificates) * 364 * DAY_MS))
          const { intent, issued } = createRecord(index, at)
          const reserved = await store.certificates.reserve(intent, 'bench', at, at)
          if (reserved.kind !== 'reserved') throw new Error('a record of the bench was taken')
          await store.certificates.complete(intent, issued, undefined)
        }),
      )
    }
  } finally {
    await store.close()
  }
}

function createRecord(index: number, at: Date) {
  const subject = `device filled-${index}`
  const serialHex = generateSerial(randomBytes)
  const notAfter = new Date(at.getTime() + 366 * DAY_MS)
  const certificateDer = new Uint8Array(randomBytes(1_050))
  const intent = {
    requestKey: randomBytes(32).toString('hex'),
    caId: CA_ID,
    profile: 'bench',
    transactionId: `filled-${index}`,
    subject: `CN=${subject}`,
    order: {
      serialHex,
      subjectDer: encodeName([{ oid: OID.commonName, value: subject }]),
      spkiDer: new Uint8Array(randomBytes(294)),
      notBefore: at,
      notAfter,
      extensions: [OID.keyUsage, OID.extKeyUsage, OID.subjectAltName].map((oid) => ({
        oid,
        critical: false,
        valueDer: new Uint8Array(randomBytes(20)),
      })),
    },
    reservedAt: at,
  }
  const thumbprintHex = toHex(createHash('sha1').update(certificateDer).digest())
  return { intent, issued: { serialHex, certificateDer, thumbprintHex, notAfter, issuedAt: at } }
}
