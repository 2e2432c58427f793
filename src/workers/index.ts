/** Runs the pure functions of scep and the embedded CA in worker threads, which hold the keys. Decides nothing. */
export type { CryptoKeys } from './crypto-job-table.ts'
export { type CryptoPool, createCryptoPool } from './crypto-pool.ts'
