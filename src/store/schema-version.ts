/**
 * Names of all migrations, oldest first. A released one is never changed or taken away: databases remember them by
 * name, and a database with a name that is not here comes from a newer version.
 */
export const migrationNames = [
  '0001-register-and-outbox',
  '0002-pending-requests',
  '0003-one-time-challenges',
  '0004-revocation-information',
  '0005-notification-request-id',
  '0006-work-items',
] as const

/** One of them. */
export type MigrationName = (typeof migrationNames)[number]
