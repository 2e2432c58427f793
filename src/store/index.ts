/** What we remember: the register of certificates, the outbox, CRLs, leases, and the spool for when the database is away. */
export type * from './ports.ts'
