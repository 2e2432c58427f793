import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type {
  IssuanceIntent,
  IssuedCertificate,
  OwedNotification,
  RefusalRecord,
} from '../../src/store/index.ts'

/** A moment of the samples; `later` counts from here. */
export const start = new Date('2026-03-01T12:00:00.000Z')

/** So many seconds after `start`. */
export function later(seconds: number): Date {
  return new Date(start.getTime() + seconds * 1000)
}

/** An intent nobody else has, reserved at `start`. Sizes are those of an RSA-2048 request. */
export function sampleIntent(change: Partial<IssuanceIntent> = {}): IssuanceIntent {
  return {
    requestKey: randomBytes(32).toString('hex'),
    caId: 'issuing',
    profile: 'default',
    transactionId: randomUUID(),
    subject: 'CN=device Ä,O=Contoso',
    order: {
      serialHex: `4${randomBytes(16).toString('hex').toUpperCase().slice(1)}`,
      subjectDer: new Uint8Array(randomBytes(60)),
      spkiDer: new Uint8Array(randomBytes(294)),
      notBefore: later(-600),
      notAfter: later(365 * 86_400),
      extensions: [
        { oid: '2.5.29.17', critical: false, valueDer: new Uint8Array(randomBytes(80)) },
        { oid: '2.5.29.15', critical: true, valueDer: new Uint8Array([3, 2, 5, 160]) },
      ],
    },
    reservedAt: start,
    ...change,
  }
}

/** The certificate of an intent: bytes that only look like one from afar. */
export function sampleIssued(
  intent: IssuanceIntent,
  change: Partial<IssuedCertificate> = {},
): IssuedCertificate {
  const certificateDer = new Uint8Array(randomBytes(1200))
  return {
    serialHex: intent.order.serialHex,
    certificateDer,
    thumbprintHex: createHash('sha1').update(certificateDer).digest('hex').toUpperCase(),
    notAfter: intent.order.notAfter,
    issuedAt: later(1),
    ...change,
  }
}

/** A success that Intune is owed, due at `start`. */
export function sampleOwed(change: Partial<OwedNotification> = {}): OwedNotification {
  return {
    id: randomUUID(),
    kind: 'success',
    profile: 'default',
    transactionId: randomUUID(),
    requestId: randomUUID(),
    serialHex: '4A',
    thumbprintHex: 'AB'.repeat(20),
    payload: new Uint8Array(randomBytes(1500)),
    createdAt: start,
    dueAt: start,
    ...change,
  }
}

/** A refusal at `start`. */
export function sampleRefusal(change: Partial<RefusalRecord> = {}): RefusalRecord {
  return {
    at: start,
    requestKey: undefined,
    profile: 'default',
    transactionId: randomUUID(),
    subject: 'CN=device',
    code: 'challenge/refused',
    reason: 'ChallengeExpired',
    ...change,
  }
}
