import { randomBytes, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Configuration } from '../config/index.ts'
import { createPfxImport, type WorkHandler } from '../connector/index.ts'
import { type Clock, ConnectorError, Secret } from '../kernel/index.ts'
import { openKeyRing } from '../keys/index.ts'
import { findIdentity, openPfxInThread } from '../pfx/index.ts'
import { type Certificate, parseCertificate } from '../pki/index.ts'
import { createPasswordKeys } from './password-keys.ts'

/**
 * Delivery of imported PFX with the key ring under `dataDir`.
 *
 * @throws ConnectorError `config/invalid` the issuers of device certificates cannot be read
 */
export function composePfxImport(
  { dataDir, pfxImport }: Configuration,
  passphrase: Secret,
  clock: Clock,
): WorkHandler<'pkcsImport'> {
  const { minProfile, acceptPkcs1, verifyPfx, parallel, deviceIssuersFile } = pfxImport
  const ring = openKeyRing(join(dataDir, 'keyring'), passphrase, randomBytes)
  return createPfxImport({
    keys: createPasswordKeys(ring, { acceptPkcs1 }),
    recipients: { deviceIssuers: loadIssuers(deviceIssuersFile), minProfile },
    ...(verifyPfx ? { findThumbprint } : {}),
    parallel,
    clock,
    random: randomBytes,
  })
}

async function findThumbprint(pfx: Uint8Array, password: string): Promise<string> {
  const { certificate } = findIdentity(await openPfxInThread(pfx, new Secret(password)))
  return certificate.fingerprint.replaceAll(':', '').toLowerCase()
}

function loadIssuers(file = ''): readonly Certificate[] {
  try {
    const text = readFileSync(file, 'utf8')
    const pems = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
    if (pems.length === 0) throw new TypeError('no certificate')
    return pems.map((pem) => parseCertificate(new Uint8Array(new X509Certificate(pem).raw)))
  } catch (cause) {
    throw new ConnectorError(
      'config/invalid',
      `pfxImport.deviceIssuersFile: ${file} holds no PEM certificates that can be read; check path, owner and mode`,
      { cause },
    )
  }
}
