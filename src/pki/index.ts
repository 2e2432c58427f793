/** X.509, PKCS #10 and CMS as pure functions over bytes. Knows encodings and signatures. Does not know who may have a certificate. */
export type * from './types.ts'
