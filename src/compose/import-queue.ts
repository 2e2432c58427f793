import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Configuration } from '../config/index.ts'
import { createPfxImport, type WorkHandler } from '../connector/index.ts'
import { type Clock, Secret } from '../kernel/index.ts'
import { openKeyRing } from '../keys/index.ts'
import { findIdentity, openPfxInThread } from '../pfx/index.ts'
import { loadDeviceIssuers } from './device-issuers.ts'
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
    recipients: {
      deviceIssuers: loadDeviceIssuers('pfxImport.deviceIssuersFile', deviceIssuersFile),
      minProfile,
    },
    ...(verifyPfx ? { findThumbprint } : {}),
    parallel,
    clock,
    random: randomBytes,
    contextBindingOid: pfxImport.contextBindingOid,
  })
}

async function findThumbprint(pfx: Uint8Array, password: string): Promise<string> {
  const { certificate } = findIdentity(await openPfxInThread(pfx, new Secret(password)))
  return certificate.fingerprint.replaceAll(':', '').toLowerCase()
}
