/**
 * PKCS #12 files: opened within bounds in a thread of their own, made, and judged before they are imported. Does not know
 * management services, key rings or who owns a certificate.
 */
export { checkImport, type ImportCheck, type ImportFacts } from './check-import.ts'
export { encodePfx, RANDOM_PASSWORD_ITERATIONS } from './encode-pfx.ts'
export { findIdentity, type PfxIdentity } from './identity.ts'
export { type OpenedPfx, openPfx, type PfxProtection } from './open-pfx.ts'
export { openPfxInThread } from './open-pfx-in-thread.ts'
export { generatePfxPassword } from './pfx-password.ts'
