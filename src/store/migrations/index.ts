import type { Migration } from 'kysely/migration'
import type { MigrationName } from '../schema-version.ts'
import type { SqlDialect } from '../sql-dialect.ts'
import { createRegisterAndOutbox } from './0001-register-and-outbox.ts'
import { createPendingRequests } from './0002-pending-requests.ts'
import { createOneTimeChallenges } from './0003-one-time-challenges.ts'
import { createRevocationInformation } from './0004-revocation-information.ts'
import { addNotificationRequestId } from './0005-notification-request-id.ts'
import { createWorkItems } from './0006-work-items.ts'

/** What each migration does; see `migrationNames`. */
export function createMigrations(dialect: SqlDialect): Readonly<Record<MigrationName, Migration>> {
  return {
    '0001-register-and-outbox': { up: (db) => createRegisterAndOutbox(db, dialect) },
    '0002-pending-requests': { up: (db) => createPendingRequests(db, dialect) },
    '0003-one-time-challenges': { up: (db) => createOneTimeChallenges(db, dialect) },
    '0004-revocation-information': { up: (db) => createRevocationInformation(db, dialect) },
    '0005-notification-request-id': { up: addNotificationRequestId },
    '0006-work-items': { up: (db) => createWorkItems(db, dialect) },
  }
}
