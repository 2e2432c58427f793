/** What we remember: the register of certificates, the outbox, CRLs, leases, and the spool for when the database is away. */
export { loadDataKey } from './data-key.ts'
export { createDurableFile } from './durable-file.ts'
export { lockFolder } from './folder-lock.ts'
export { openStore, type StoreOptions } from './open-store.ts'
export type * from './ports.ts'
export { openSpool } from './spool.ts'
