import { setImmediate as nextTurn } from 'node:timers/promises'
import type { RevokedEntry } from '../ca/index.ts'
import { ConnectorError, equalBytes } from '../kernel/index.ts'
import { prepareCertificateQueries } from './certificate-queries.ts'
import {
  type CertificateRow,
  encodeIntent,
  parseCertificateRow,
  parseRevocation,
  type RevocationRow,
} from './certificate-rows.ts'
import { encodeOwed, prepareOutboxQueries } from './outbox-queries.ts'
import type {
  CertificateRegister,
  CertificateState,
  IssuanceIntent,
  IssuedCertificate,
  OwedNotification,
} from './ports.ts'
import type { SqlDialect } from './sql-dialect.ts'
import { mustAffect, type SqlExecutor, type Statement } from './sql-executor.ts'

/** Rounds of read, decide, write under guards. More than one only while others write the same row. */
const MAX_ROUNDS = 8

/** Rows of a long list that are read in one turn of the event loop: a millisecond or two. */
const PAGE = 250

/** The register over SQL: every change is one unit whose guards repeat what was read before it. */
export function createCertificateRegister(
  executor: SqlExecutor,
  dialect: SqlDialect,
): CertificateRegister {
  const queries = prepareCertificateQueries(dialect)
  const { insertOwed } = prepareOutboxQueries(dialect)

  async function readOne(query: Statement<CertificateRow>): Promise<CertificateRow | undefined> {
    return (await executor.read(query))[0]
  }

  const owe = (owed: OwedNotification | undefined): readonly Statement[] =>
    owed === undefined ? [] : [insertOwed(encodeOwed(owed))]

  function insertIntent(
    intent: IssuanceIntent,
    holder: string,
    leaseUntil: Date,
    liveKey: string | null,
  ): Statement {
    const values = {
      ...encodeIntent(intent),
      live_key: liveKey,
      holder,
      lease_until: leaseUntil.getTime(),
    }
    return mustAffect(queries.insertIntent(values), 1)
  }

  function keep(
    intent: IssuanceIntent,
    issued: IssuedCertificate,
    wasState: CertificateState,
  ): Statement {
    const { serialHex } = intent.order
    return mustAffect(
      queries.keep({
        serialHex,
        caId: intent.caId,
        wasState,
        state: wasState === 'revoked' ? 'revoked' : 'issued',
        certificateDer: issued.certificateDer,
        issuedSerialHex: issued.serialHex === serialHex ? null : issued.serialHex,
        thumbprintHex: issued.thumbprintHex,
        notAfter: issued.notAfter.getTime(),
        issuedAt: issued.issuedAt.getTime(),
        backendRef: issued.backendRef ?? null,
        crlShard: issued.crlShard ?? null,
      }),
      1,
    )
  }

  /** What makes an unusual completion: the intent is missing, abandoned or revoked. Undefined: it is kept already. */
  async function planCompletion(
    intent: IssuanceIntent,
    issued: IssuedCertificate,
  ): Promise<readonly Statement[] | undefined> {
    const { serialHex } = intent.order
    const { requestKey } = intent
    const takeKey = queries.takeKey({ serialHex, requestKey })
    const row = await readOne(queries.findReserved({ serialHex }))
    if (row === undefined)
      return [
        insertIntent(intent, '', intent.reservedAt, null),
        keep(intent, issued, 'reserved'),
        takeKey,
      ]
    if (row.ca_id !== intent.caId)
      throw new ConnectorError(
        'store/conflict',
        `serial ${serialHex} belongs to CA '${row.ca_id}', not to '${intent.caId}'`,
      )
    if (row.certificate_der === null)
      return [
        keep(intent, issued, row.state),
        ...(row.state === 'abandoned' && row.live_key === null ? [takeKey] : []),
      ]
    if (!equalBytes(row.certificate_der, issued.certificateDer))
      throw new ConnectorError('store/conflict', `serial ${serialHex} has another certificate`)
    return undefined
  }

  /** @param releasedAt what is not revoked stands in the list with this date and the reason 8; undefined: not at all */
  async function listRevocations(
    query: (page: { afterId: number; limit: number }) => Statement<RevocationRow>,
    releasedAt?: Date,
  ): Promise<readonly RevokedEntry[]> {
    const listed: RevokedEntry[] = []
    for (let afterId = 0; ; ) {
      const rows = await executor.read(query({ afterId, limit: PAGE }))
      for (const row of rows) {
        afterId = row.id
        const entry = parseRevocation(row, releasedAt)
        if (entry !== undefined) listed.push(entry)
      }
      if (rows.length < PAGE) return listed
      // A long list must not keep devices waiting.
      await nextTurn()
    }
  }

  return {
    async findByRequestKey(requestKey, since) {
      const row = await readOne(queries.findLive({ requestKey, since: since.getTime() }))
      return row === undefined ? undefined : parseCertificateRow(row)
    },

    async reserve(intent, holder, leaseUntil, replaySince) {
      const { requestKey } = intent
      const now = intent.reservedAt.getTime()
      const since = replaySince.getTime()
      const { serialHex, spkiDer } = intent.order
      const findCompromised = queries.findCompromised({ spkiDer })
      const insert = [
        mustAffect(findCompromised, 0),
        insertIntent(intent, holder, leaseUntil, requestKey),
      ]
      let before: readonly Statement[] = []
      for (let round = 0; round < MAX_ROUNDS; round += 1) {
        const outcome = await executor.write([...before, ...insert])
        if (outcome.kind === 'done') return { kind: 'reserved' }
        const live = await readOne(queries.findLive({ requestKey, since: Number.MIN_SAFE_INTEGER }))
        const hasRunOut = live?.state === 'reserved' && live.lease_until <= now
        if (live !== undefined && live.reserved_at >= since && !hasRunOut)
          return { kind: 'taken', record: parseCertificateRow(live) }
        if ((await readOne(queries.findReserved({ serialHex }))) !== undefined)
          throw new ConnectorError('store/conflict', `serial ${serialHex} exists already`)
        if ((await executor.read(findCompromised)).length > 0) return { kind: 'compromised' }
        before = []
        if (live !== undefined) {
          const old = { serialHex: live.serial_hex }
          const free = hasRunOut
            ? queries.abandonRunOut({ ...old, now })
            : queries.releaseKey({ ...old, since })
          before = [mustAffect(free, 1)]
        }
      }
      throw contended(`request ${requestKey}`)
    },

    async complete(intent, issued, owed) {
      let plan: readonly Statement[] | undefined = [keep(intent, issued, 'reserved')]
      for (let round = 0; round < MAX_ROUNDS; round += 1) {
        const outcome = await executor.write([...plan, ...owe(owed)])
        if (outcome.kind === 'done') return
        plan = await planCompletion(intent, issued)
        if (plan === undefined) return
      }
      throw contended(`serial ${intent.order.serialHex}`)
    },

    async abandon(serialHex, reason, owed) {
      for (let round = 0; round < MAX_ROUNDS; round += 1) {
        const close = mustAffect(queries.abandon({ serialHex, reason }), 1)
        const outcome = await executor.write([close, ...owe(owed)])
        if (outcome.kind === 'done') return
        const state = (await readOne(queries.findReserved({ serialHex })))?.state
        if (state === 'issued' || state === 'revoked') return
        if (state === 'reserved') continue
        // Closed already, or not in this older database: the failure is owed all the same.
        await executor.write(owe(owed))
        return
      }
      throw contended(`serial ${serialHex}`)
    },

    async refuse(refusal, owed) {
      const note = queries.insertRefusal({
        at: refusal.at.getTime(),
        requestKey: refusal.requestKey ?? null,
        profile: refusal.profile,
        transactionId: refusal.transactionId,
        subject: refusal.subject ?? null,
        code: refusal.code,
        reason: refusal.reason,
      })
      // A notification that is there already undoes the unit: this refusal was recorded before.
      await executor.write([...owe(owed).map((statement) => mustAffect(statement, 1)), note])
    },

    async listOpenIntents(before, limit) {
      const rows = await executor.read(queries.listOpenIntents({ before: before.getTime(), limit }))
      return rows.map(parseCertificateRow)
    },

    async findBySerial(caId, serialHex) {
      const row = await readOne(queries.findBySerial({ caId, serialHex }))
      return row === undefined ? undefined : parseCertificateRow(row)
    },

    async findByThumbprint(thumbprintHex) {
      const row = await readOne(queries.findByThumbprint({ thumbprintHex }))
      return row === undefined ? undefined : parseCertificateRow(row)
    },

    async revoke(caId, serialHex, reason, at) {
      const outcome = await executor.write([
        queries.revoke({ caId, serialHex, reason, at: at.getTime() }),
        queries.markCrlOutdated({ caId, serialHex, at: at.getTime() }),
      ])
      if (outcome.kind === 'done' && outcome.results[0].affected > 0) return true
      return (await readOne(queries.findBySerial({ caId, serialHex })))?.state === 'revoked'
    },

    async release(caId, serialHex, at) {
      const outcome = await executor.write([
        mustAffect(queries.release({ caId, serialHex }), 1),
        queries.markCrlOutdated({ caId, serialHex, at: at.getTime() }),
      ])
      return outcome.kind === 'done'
    },

    listRevoked: async (caId, asOf) =>
      await listRevocations((page) => queries.listRevoked({ caId, asOf: asOf.getTime(), ...page })),

    listChanged: async (caId, sinceNumber, asOf) =>
      await listRevocations(
        (page) => queries.listChanged({ caId, sinceNumber, asOf: asOf.getTime(), ...page }),
        asOf,
      ),

    async listRecent(limit) {
      return (await executor.read(queries.listRecent({ limit }))).map(parseCertificateRow)
    },

    async listRefusals(limit) {
      return (await executor.read(queries.listRefusals({ limit }))).map((row) => ({
        at: new Date(row.at),
        requestKey: row.request_key ?? undefined,
        profile: row.profile,
        transactionId: row.transaction_id,
        subject: row.subject ?? undefined,
        code: row.code,
        reason: row.reason,
      }))
    },

    async count() {
      const [row] = await executor.read(queries.count({}))
      const { total = 0, reserved = 0, abandoned = 0, revoked = 0 } = row ?? {}
      return { reserved, abandoned, revoked, issued: total - reserved - abandoned - revoked }
    },
  }
}

function contended(what: string): ConnectorError {
  return new ConnectorError(
    'store/unavailable',
    `${what} changed ${MAX_ROUNDS} times while it was written`,
    { isTransient: true },
  )
}
