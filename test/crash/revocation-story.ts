import { X509Certificate } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parseCertificate } from '../../src/pki/index.ts'
import { openStore } from '../../src/store/index.ts'
import { recordIssued } from './issued-before.ts'
import { CA_ID, type QueueSite } from './queue-site.ts'
import type { QueueStory } from './queue-story.ts'

/** Of so many requests one is for a serial number that the CA never issued. */
const UNKNOWN_ONE_OF = 10

/**
 * Certificates that are to be revoked. Both connectors have the same CA, as after a restored backup, and have them on
 * record; some that are asked for nobody has.
 */
export function createRevocationStory(): QueueStory {
  let issuerName = ''

  return {
    kind: 'revocation',
    adminEvents: { succeeded: 3000, failedFinal: 3001 },
    configurationOf: () => 'features: { scep: false, revocation: true }',
    async prepare([{ dataDir }, second], items) {
      const issuingDer = readIssuing(join(dataDir, 'ca', CA_ID))
      issuerName = parseCertificate(issuingDer).subject
      await recordCertificates(join(dataDir, 'connector.db'), items, issuingDer)
      rmSync(second.dataDir, { recursive: true })
      cpSync(dataDir, second.dataDir, { recursive: true })
    },
    begin: async () => undefined,
    orderOf: (index) => ({
      serialNumber: serialOf(index),
      caConfiguration: `connector-ca/${CA_ID}`,
      // Both names make the request ours although the certificate is not there.
      ...(isUnknown(index) ? { issuerName } : {}),
    }),
    endOf: (index) => (isUnknown(index) ? 'failedFinal' : 'succeeded'),
    async check({ sites, served }) {
      const revoked = new Set(sites.flatMap(listRevoked))
      const violations = served
        .map((_, index) => index)
        .filter((index) => revoked.has(serialOf(index)) === isUnknown(index))
        .map((index) => `item ${index}: serial ${serialOf(index)} is not what it should be`)
      return { violations }
    },
  }
}

function isUnknown(index: number): boolean {
  return index % UNKNOWN_ONE_OF === UNKNOWN_ONE_OF - 1
}

function serialOf(index: number): string {
  return (0x4a_00_00_00_00_00 + index).toString(16).toUpperCase()
}

function readIssuing(folder: string): Uint8Array {
  const name = readdirSync(folder).find((one) => /^issuing-.*\.pem$/.test(one))
  if (name === undefined) throw new Error('the CA has no issuing certificate')
  return new Uint8Array(new X509Certificate(readFileSync(join(folder, name))).raw)
}

/** Rows as enrolments leave them. What they hold as the certificate is any that can be read: it is known by its serial. */
async function recordCertificates(
  file: string,
  items: number,
  certificateDer: Uint8Array,
): Promise<void> {
  const store = await openStore({ kind: 'sqlite', file })
  try {
    const wanted = Array.from({ length: items }, (_, index) => index).filter(
      (index) => !isUnknown(index),
    )
    await Promise.all(
      wanted.map(async (index) => {
        await recordIssued(store, serialOf(index), certificateDer)
      }),
    )
  } finally {
    await store.close()
  }
}

function listRevoked({ dataDir }: QueueSite): readonly string[] {
  const database = new DatabaseSync(join(dataDir, 'connector.db'), { readOnly: true })
  try {
    return database
      .prepare('SELECT serial_hex AS serial FROM certificate WHERE revoked_at IS NOT NULL')
      .all()
      .map(({ serial }) => String(serial))
  } finally {
    database.close()
  }
}
