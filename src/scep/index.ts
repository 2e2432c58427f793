/** SCEP, RFC 8894, as pure functions. Knows messages and their cryptography. Does not know HTTP servers, Intune, who may enrol, or what time it is. */
export type * from './types.ts'
