import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ConnectorError } from '../kernel/index.ts'
import { type Certificate, parseCertificate } from '../pki/index.ts'

/**
 * Who issues the certificates of the devices that keys are sealed for.
 *
 * @param key of the configuration, for the message
 * @throws ConnectorError `config/invalid` the file cannot be read, or holds no certificate
 */
export function loadDeviceIssuers(key: string, file = ''): readonly Certificate[] {
  try {
    return parseCertificates(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new ConnectorError(
      'config/invalid',
      `${key}: ${file} holds no PEM certificates that can be read; check path, owner and mode`,
      { cause },
    )
  }
}

/** All certificates of a PEM text, in its order; throws when there is none. */
export function parseCertificates(pem: string): readonly Certificate[] {
  const pems = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  if (pems.length === 0) throw new TypeError('no certificate')
  return pems.map((one) => parseCertificate(new Uint8Array(new X509Certificate(one).raw)))
}
