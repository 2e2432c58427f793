import { createPrivateKey, type KeyObject } from 'node:crypto'
import { ConnectorError, type Secret } from '../kernel/index.ts'

/**
 * Reads a private key that a person brings: PEM of any kind that OpenSSL knows, or PKCS #8 as DER; encrypted or not.
 *
 * @param what names the file, for the message
 * @throws ConnectorError `key/unreadable` none of these, or another passphrase, or encrypted and none is given
 */
export function importPrivateKey(
  bytes: Uint8Array,
  passphrase: Secret | undefined,
  what: string,
): KeyObject {
  const isPem = Buffer.from(bytes).includes('-----BEGIN ')
  const secret = passphrase === undefined ? {} : { passphrase: passphrase.reveal() }
  try {
    return createPrivateKey(
      isPem
        ? { key: Buffer.from(bytes), format: 'pem', ...secret }
        : { key: Buffer.from(bytes), format: 'der', type: 'pkcs8', ...secret },
    )
  } catch (cause) {
    throw new ConnectorError(
      'key/unreadable',
      `${what} holds no private key that opens ${passphrase === undefined ? 'without a passphrase' : 'with this passphrase'}; ` +
        'PEM and PKCS #8 are read',
      { cause },
    )
  }
}
