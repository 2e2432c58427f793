/**
 * Private keys at rest: encrypted files, the passphrase that opens them, the key ring whose keys open the passwords of
 * imported PFX, and the CNG blobs in which Microsoft's tools carry such keys. Does not know certificates or who uses a key.
 */
export { encodeCngBlob, parseCngBlob } from './cng-blob.ts'
export { importPrivateKey } from './import-private-key.ts'
export { loadKeyFile, writeKeyFile } from './key-file.ts'
export { DEFAULT_PROVIDER, type KeyName, parseKeyName } from './key-name.ts'
export { type KeyRing, openKeyRing } from './key-ring.ts'
export { loadPassphrase } from './passphrase-file.ts'
export {
  DEFAULT_PADDING,
  decryptPassword,
  encryptPassword,
  isPaddingScheme,
  maxPasswordOctets,
  PADDING_SCHEMES,
  type PaddingScheme,
  proveKey,
} from './password-encryption.ts'
export { decodePem, encodePem } from './pem.ts'
export {
  createPrivateFile,
  loadPrivateFile,
  loadSecretLine,
  makePrivateDirectory,
  systemCode,
  writePrivateFile,
} from './private-file.ts'
