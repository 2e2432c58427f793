import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { ConnectorError } from '../kernel/index.ts'
import type { OpenedPfx } from './open-pfx.ts'

/** The one key of a file, its certificate, and the other certificates. */
export interface PfxIdentity {
  readonly key: KeyObject
  readonly certificate: X509Certificate
  readonly others: readonly X509Certificate[]
}

/**
 * Finds what a file is about: its private key, and the certificate with the same public key. Which certificate is which
 * is told by the keys and not by what the file says.
 *
 * @throws ConnectorError `import/refused` no key or several, no certificate for it, or one that cannot be read
 */
export function findIdentity({ keys, certificates }: OpenedPfx): PfxIdentity {
  const [only] = keys
  if (only === undefined || keys.length > 1)
    throw refused(
      keys.length === 0
        ? 'the file has no private key; export it again with the key'
        : `the file has ${keys.length} private keys; export each certificate into a file of its own`,
    )
  let key: KeyObject
  try {
    key = createPrivateKey({ key: Buffer.from(only.der), format: 'der', type: 'pkcs8' })
  } catch {
    throw refused('the private key in the file cannot be used')
  }
  const all = certificates.map(({ der }) => parse(der))
  const certificate = all.find((one) => one.checkPrivateKey(key))
  if (certificate === undefined)
    throw refused(`none of the ${all.length} certificates in the file belongs to its private key`)
  return { key, certificate, others: all.filter((one) => one !== certificate) }
}

function parse(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der)
  } catch {
    throw refused('a certificate in the file cannot be read')
  }
}

function refused(reason: string): ConnectorError {
  return new ConnectorError('import/refused', reason)
}
