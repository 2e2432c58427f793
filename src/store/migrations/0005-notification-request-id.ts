import type { Kysely } from 'kysely'

/** Which request of a device brought a notification about, so that its events can be found together. */
export async function addNotificationRequestId(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('notification').addColumn('request_id', 'text').execute()
}
