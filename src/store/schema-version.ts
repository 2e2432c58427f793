/**
 * Names of all migrations, oldest first. A released one is never changed or taken away: databases remember them by
 * name, and a database with a name that is not here comes from a newer version.
 */
export const migrationNames = ['0001-register-and-outbox'] as const

/** One of them. */
export type MigrationName = (typeof migrationNames)[number]
