/** Who signs: the port that every CA implements, and the embedded CA. Does not know SCEP, Intune or the store. */
export {
  type AuthorityNames,
  type AuthorityOptions,
  CA_KEY_TYPES,
  type CaKeyType,
  createAuthority,
  createRa,
  type KeyedCertificate,
  type NewAuthority,
} from './embedded/authority.ts'
export { type CrlContent, issueCrl } from './embedded/crl.ts'
export { type Issuer, issueCertificate, prepareIssuer } from './embedded/issue.ts'
export { loadKeyFile, sealKey, writeKeyFile } from './embedded/key-file.ts'
export { loadPassphrase, MIN_PASSPHRASE_CHARACTERS } from './embedded/passphrase-file.ts'
export type * from './embedded/registers.ts'
export type * from './embedded/signer.ts'
export type * from './port.ts'
export { generateSerial, type RandomBytes } from './serial.ts'
