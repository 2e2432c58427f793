/** Who signs: the port that every CA implements, and the embedded CA. Does not know SCEP, Intune or the store. */
export type * from './embedded/signer.ts'
export type * from './port.ts'
