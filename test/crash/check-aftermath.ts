import { createHash, X509Certificate } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type EventRecord, readEvents } from '../../src/events/index.ts'
import type { Order, OrderBook } from './order-book.ts'

/** What the connector left, held against what the clients and the management service saw. */
export interface Aftermath {
  /** Each names the transaction, the serial or the file that it is about. */
  readonly violations: readonly string[]
  readonly requests: number
  readonly certificatesReceived: number
  /** Requests that were answered more than once with SUCCESS. */
  readonly answeredAgain: number
  /** Requests of profile `strict` that were refused because the service could not be told. */
  readonly strictRefused: number
  readonly intentsAbandoned: number
  readonly notificationsReceived: number
  /** Notifications that the service received more than once. */
  readonly notifiedAgain: number
  readonly adminEvents: number
  /** Admin events that the crash had swallowed and the next start wrote. */
  readonly adminEventsRecovered: number
  /** Requests of profile `static` whose Admin event a crash took for good; nobody else was told of them. */
  readonly adminEventsLostStatic: number
}

interface Row {
  readonly serial: string
  readonly transactionId: string
  readonly profile: string
  readonly state: string
  readonly certificate: Uint8Array | null
  readonly thumbprint: string | null
}

interface Notification {
  readonly kind: string
  readonly transactionId: string
  readonly certificateThumbprint: string | null
  readonly code: string
}

const CLOSING_EVENTS: readonly number[] = [4000, 4001, 4002]

/** Reads everything; the connector must have ended. */
export async function checkAftermath(
  dataDir: string,
  book: OrderBook,
  controlUrl: string,
): Promise<Aftermath> {
  const orders = book.taken
  const { rows, integrity } = readStore(dataDir)
  const notifications = await loadNotifications(controlUrl)
  const admin = (
    await readEvents(join(dataDir, 'logs'), { channel: 'admin', limit: Number.MAX_SAFE_INTEGER })
  ).filter(({ eventId }) => CLOSING_EVENTS.includes(eventId))
  const adminOf = Map.groupBy(admin, ({ transactionId }) => transactionId ?? '')
  const notifiedOf = Map.groupBy(notifications, ({ transactionId }) => transactionId)
  const rowsOf = Map.groupBy(rows, ({ transactionId }) => transactionId)
  const certified = orders.filter(({ certificates }) => certificates.length > 0)
  return {
    violations: [
      ...(integrity === 'ok' ? [] : [`PRAGMA integrity_check: ${integrity}`]),
      ...checkSerials(rows, certified),
      ...orders.flatMap((order) => {
        const { transactionId } = order.request
        return [
          ...checkAnswers(order),
          ...checkRegister(order, rowsOf.get(transactionId) ?? []),
          ...checkNotified(order, notifiedOf.get(transactionId) ?? []),
          ...checkAdminEvents(order, adminOf.get(transactionId) ?? []),
        ]
      }),
      ...listLeftovers(dataDir),
    ],
    requests: orders.length,
    certificatesReceived: certified.length,
    answeredAgain: certified.filter(({ certificates }) => certificates.length > 1).length,
    strictRefused: orders.filter(
      ({ profile, refusals }) => profile === 'strict' && refusals.length > 0,
    ).length,
    intentsAbandoned: rows.filter(({ state }) => state === 'abandoned').length,
    notificationsReceived: notifications.length,
    notifiedAgain: [...notifiedOf.values()].filter((list) => list.length > 1).length,
    adminEvents: admin.length,
    adminEventsRecovered: admin.filter(({ detail }) => detail?.startsWith('written at start'))
      .length,
    adminEventsLostStatic: certified.filter(
      ({ profile, request }) => profile === 'static' && !adminOf.has(request.transactionId),
    ).length,
  }
}

function readStore(dataDir: string): { rows: readonly Row[]; integrity: string } {
  const database = new DatabaseSync(join(dataDir, 'connector.db'), { readOnly: true })
  try {
    const rows = database
      .prepare(
        `SELECT coalesce(issued_serial_hex, serial_hex) AS serial, transaction_id AS transactionId,
           profile, state, certificate_der AS certificate, thumbprint_hex AS thumbprint FROM certificate`,
      )
      // The statement names the columns of Row.
      .all() as unknown as Row[]
    const found = database.prepare('PRAGMA integrity_check').all()
    return { rows, integrity: found.map((line) => line['integrity_check']).join('; ') }
  } finally {
    database.close()
  }
}

async function loadNotifications(controlUrl: string): Promise<readonly Notification[]> {
  const answer = await fetch(`${controlUrl}/control/notifications`)
  const { value } = (await answer.json()) as { value: readonly Notification[] }
  return value
}

/** No serial twice on record, and none in two certificates that left the house. */
function checkSerials(rows: readonly Row[], certified: readonly Order[]): string[] {
  const violations: string[] = []
  for (const [serial, same] of Map.groupBy(rows, (row) => row.serial))
    if (same.length > 1) violations.push(`serial ${serial} is on record ${same.length} times`)
  const received = new Map<string, string>()
  for (const { certificates, request } of certified)
    for (const der of certificates) {
      const { serialNumber } = new X509Certificate(der)
      const hash = createHash('sha256').update(der).digest('hex')
      const known = received.get(serialNumber)
      if (known !== undefined && known !== hash)
        violations.push(
          `${request.transactionId}: serial ${serialNumber} belongs to another certificate too`,
        )
      received.set(serialNumber, hash)
    }
  return violations
}

/** An answer came, it was never a refusal, and each later one had the same certificate. */
function checkAnswers({ request, profile, certificates, refusals }: Order): string[] {
  const { transactionId } = request
  if (certificates.length + refusals.length === 0) return [`${transactionId}: never answered`]
  if (refusals.length > 0 && profile !== 'strict')
    return [`${transactionId}: refused (${profile}): ${refusals.join('; ')}`]
  const [first, ...later] = certificates
  if (first === undefined) return []
  return later
    .filter((der) => !Buffer.from(first).equals(der))
    .map(() => `${transactionId}: sent again, it got another certificate`)
}

/** One issued row with the very octets that the client has, and nothing left open. */
function checkRegister({ request, certificates }: Order, rows: readonly Row[]): string[] {
  const { transactionId } = request
  const open = rows.filter(({ state }) => state === 'reserved')
  const violations = open.map(({ serial }) => `${transactionId}: intent ${serial} is still open`)
  const [received] = certificates
  if (received === undefined) return violations
  const issued = rows.filter(({ state }) => state === 'issued')
  if (issued.length !== 1)
    violations.push(`${transactionId}: ${issued.length} certificates issued on record, not 1`)
  if (!issued.some(({ certificate }) => certificate && Buffer.from(certificate).equals(received)))
    violations.push(`${transactionId}: the certificate that the client has is not on record`)
  return violations
}

/** The service was told at least once, of this certificate and of no other. */
function checkNotified(
  { request, profile, certificates }: Order,
  notifications: readonly Notification[],
): string[] {
  const { transactionId } = request
  const [received] = certificates
  if (profile === 'static')
    return notifications.length === 0 ? [] : [`${transactionId}: static, and yet notified`]
  if (received === undefined) return []
  const thumbprint = createHash('sha1').update(received).digest('hex').toUpperCase()
  const successes = notifications.filter(
    ({ kind, code }) => kind === 'success' && code === 'Success',
  )
  const others = notifications.filter(
    ({ kind, certificateThumbprint }) => kind !== 'success' || certificateThumbprint !== thumbprint,
  )
  return [
    ...(successes.some(({ certificateThumbprint }) => certificateThumbprint === thumbprint)
      ? []
      : [`${transactionId}: the service was not told of ${thumbprint}`]),
    ...others.map(
      ({ kind, code, certificateThumbprint }) =>
        `${transactionId}: a ${kind} (${code}) of ${certificateThumbprint} was notified as well`,
    ),
  ]
}

/** Exactly one Admin event; at most one where nobody is told, since a crash may take that line. */
function checkAdminEvents({ request, profile }: Order, admin: readonly EventRecord[]): string[] {
  if (admin.length === 1 || (profile === 'static' && admin.length === 0)) return []
  const ids = admin.map(({ eventId }) => eventId).join(', ')
  return [`${request.transactionId}: ${admin.length} Admin events, not 1 (${profile}: ${ids})`]
}

/** Files that a crash left half written, where each must be whole or gone. */
function listLeftovers(dataDir: string): string[] {
  return ['spool', 'ca'].flatMap((name) => {
    const folder = join(dataDir, name)
    if (!existsSync(folder)) return []
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(tmp|bad|entry)$/.test(file))
      .map((file) => `${join(name, file)} is left over`)
  })
}
