import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { prepareCertificateQueries } from '../../../src/store/certificate-queries.ts'
import { prepareCrlQueries } from '../../../src/store/crl-register.ts'
import { prepareLeaseQueries } from '../../../src/store/leases.ts'
import { prepareChallengeQueries } from '../../../src/store/one-time-challenges.ts'
import { prepareOutboxQueries } from '../../../src/store/outbox-queries.ts'
import { preparePendingQueries } from '../../../src/store/pending-requests.ts'
import type { Statement } from '../../../src/store/sql-executor.ts'
import { sqliteDialect } from '../../../src/store/sqlite/sqlite-dialect.ts'
import { openSqliteExecutor } from '../../../src/store/sqlite/sqlite-executor.ts'
import { prepareWorkQueries } from '../../../src/store/work-queries.ts'
import { makeDirectory } from '../../support/sqlite-stores.ts'

/** Walks of a whole table or index that are meant: bounded by a limit in key order, or a count. */
const meantScans: Readonly<Record<string, readonly string[]>> = {
  listRecent: ['SCAN certificate'],
  listRefusals: ['SCAN refusal'],
  'keep of challenges': ['SCAN CONSTANT ROW'],
  count: ['SCAN CONSTANT ROW', 'SCAN certificate USING COVERING INDEX certificate_state'],
}

/** The index that the cost of an enrolment hangs on. */
const expectedIndexes: Readonly<Record<string, string>> = {
  findLive: 'certificate_live_key (live_key=?)',
  keep: '(serial_hex=?)',
  findByThumbprint: 'certificate_thumbprint (thumbprint_hex=?)',
  findCompromised: 'certificate_compromised (spki_der=?)',
  listOpenIntents: 'certificate_state (state=?)',
  listRevoked: 'certificate_state (state=? AND rowid>?)',
  claimDue: 'notification_to_be_sent (due_at<?)',
  claim: '(id=?)',
  markDelivered: '(id=?)',
  depth: 'notification_undelivered (state=?)',
  listUndelivered: 'notification_undelivered (state=?)',
  listDelivered: 'notification_delivered (delivered_at>?)',
  listLastDelivered: 'notification_delivered (delivered_at>?)',
  releaseLeases: 'notification_undelivered (state=?)',
  'claim of work items': 'work_item_open (state=? AND queue=? AND due_at<?)',
  'listUnrecorded of work items': 'work_item_unrecorded (queue=?)',
  'depth of work items': 'work_item_open (state=? AND queue=?)',
  'keep of challenges': 'one_time_challenge_unused (profile=? AND origin=? AND expires_at>?)',
  'bind of challenges': '(hash_hex=?)',
  'findBound of challenges': 'one_time_challenge_bound (bound_key=?)',
  'release of challenges': 'one_time_challenge_bound (bound_key=?)',
  'forget of challenges': 'one_time_challenge_expiry (expires_at<?)',
}

const queries: Readonly<Record<string, (values: never) => Statement>> = {
  ...prepareCertificateQueries(sqliteDialect),
  ...prepareOutboxQueries(sqliteDialect),
  ...prepareCrlQueries(sqliteDialect),
  ...prepareLeaseQueries(sqliteDialect),
  ...Object.fromEntries(
    Object.entries(prepareWorkQueries(sqliteDialect)).map(([name, query]) => [
      `${name} of work items`,
      query,
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(preparePendingQueries(sqliteDialect)).map(([name, query]) => [
      `${name} of pending requests`,
      query,
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(prepareChallengeQueries(sqliteDialect)).map(([name, query]) => [
      `${name} of challenges`,
      query,
    ]),
  ),
}

describe('query plans of SQLite', () => {
  let database: DatabaseSync
  let clean: () => Promise<void>
  before(async () => {
    const directory = await makeDirectory()
    const executor = await openSqliteExecutor({ file: `${directory.path}/connector.db` })
    database = new DatabaseSync(executor.file)
    clean = async () => {
      database.close()
      await executor.close()
      await directory.remove()
    }
  })
  after(async () => await clean())

  const planOf = (query: (values: never) => Statement): readonly string[] => {
    const anyValues = new Proxy({}, { get: () => '1' })
    const { sql } = query(anyValues as never)
    return database
      .prepare(`explain query plan ${sql}`)
      .all()
      .map((row) => String(row['detail']))
  }

  for (const [name, query] of Object.entries(queries))
    test(`${name} walks no table`, () => {
      const scans = planOf(query).filter((step) => step.startsWith('SCAN'))
      assert.deepEqual(scans, meantScans[name] ?? [])
    })

  for (const [name, index] of Object.entries(expectedIndexes))
    test(`${name} uses the index made for it`, () => {
      const query = queries[name]
      assert.ok(query !== undefined)
      const plan = planOf(query)
      assert.ok(
        plan.some((step) => step.startsWith('SEARCH') && step.endsWith(index)),
        plan.join('\n'),
      )
    })

  test('the check would see a walk', () => {
    const walk = { sql: 'select * from certificate where subject = ?', parameters: [] }
    assert.deepEqual(
      planOf(() => walk),
      ['SCAN certificate'],
    )
  })
})
