import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Configuration } from '../config/index.ts'
import { createPfxImport, type WorkHandler } from '../connector/index.ts'
import { type Clock, Secret } from '../kernel/index.ts'
import { type KeyRing, openKeyRing } from '../keys/index.ts'
import { findIdentity, openPfxInThread } from '../pfx/index.ts'
import { loadDeviceIssuers } from './device-issuers.ts'
import { createKeyRingTest, type KeyRingTest } from './key-ring-test.ts'
import { createPasswordKeys } from './password-keys.ts'

/** The key ring under `dataDir`, and the test of its keys. */
export function composeImportKeys(
  { dataDir }: Configuration,
  passphrase: Secret,
  parts: Parameters<typeof createKeyRingTest>[1],
): { readonly ring: KeyRing; readonly test: KeyRingTest } {
  const ring = openKeyRing(join(dataDir, 'keyring'), passphrase, randomBytes)
  return { ring, test: createKeyRingTest(ring, parts) }
}

/**
 * Delivery of imported PFX with the keys of a key ring.
 *
 * @throws ConnectorError `config/invalid` the issuers of device certificates cannot be read
 */
export function composePfxImport(
  { pfxImport }: Configuration,
  ring: KeyRing,
  test: KeyRingTest,
  clock: Clock,
): WorkHandler<'pkcsImport'> {
  const { minProfile, acceptPkcs1, verifyPfx, parallel, deviceIssuersFile } = pfxImport
  return createPfxImport({
    keys: createPasswordKeys(ring, { acceptPkcs1 }, test),
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
