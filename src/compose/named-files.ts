import { readFileSync } from 'node:fs'
import { ConnectorError } from '../kernel/index.ts'

/**
 * The text of a file that a key of the configuration names.
 *
 * @param key for the message
 * @throws ConnectorError `config/invalid` it cannot be read
 */
export function loadNamedText(key: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConnectorError(
      'config/invalid',
      `${key}: ${file} cannot be read; check path, owner and mode`,
      { cause },
    )
  }
}

/**
 * The text of a file that holds CA certificates. A text without any would be taken by TLS, and trust nobody.
 *
 * @param key for the message
 * @throws ConnectorError `config/invalid` it cannot be read, or holds no certificate in PEM
 */
export function loadTrustedPem(key: string, file: string): string {
  const pem = loadNamedText(key, file)
  if (/-----BEGIN (TRUSTED )?CERTIFICATE-----/.test(pem)) return pem
  throw new ConnectorError(
    'config/invalid',
    `${key}: ${file} holds no certificate in PEM; a file in DER (.cer) is turned into one with: openssl x509 -inform der`,
  )
}
