import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '../../src/kernel/index.ts'
import type { Simulator } from '../../src/simulator/index.ts'
import { recordQuickAuthority } from '../support/quick-authority.ts'

/** Where the connector of a run lives: survives every kill, like the disk of a machine. */
export interface CrashSite {
  readonly folder: string
  readonly dataDir: string
  readonly configFile: string
  readonly deviceUrl: string
  readonly adminUrl: string
  remove(): void
}

/** Profiles of the site: told afterwards, told before the answer, told nobody. */
export const PROFILES = ['default', 'strict', 'static'] as const
export type ProfileName = (typeof PROFILES)[number]

export const STATIC_CHALLENGE = 'crash-test-challenge'

const CA_ID = 'default'

/** Small enough that a run archives its logs several times, under way included. */
const LOG_BYTES = 131_072

/** Makes the folder and, in it, the configuration of a connector that validates with `simulator`, on two free ports. */
export async function createCrashSite(simulator: Simulator): Promise<CrashSite> {
  const folder = mkdtempSync(join(tmpdir(), 'crash-'))
  const dataDir = join(folder, 'data')
  mkdirSync(dataDir, { mode: 0o700 })
  const configFile = join(folder, 'connector.yaml')
  const [devicePort, adminPort] = [await findFreePort(), await findFreePort()]
  const clientSecretFile = join(folder, 'client-secret')
  const staticSecretFile = join(folder, 'static-challenge')
  writeFileSync(clientSecretFile, simulator.clientSecret, { mode: 0o600 })
  writeFileSync(staticSecretFile, STATIC_CHALLENGE, { mode: 0o600 })
  writeFileSync(
    configFile,
    `dataDir: ${dataDir}
listeners:
  device:
    host: 127.0.0.1
    port: ${devicePort}
    publicUrl: http://127.0.0.1:${devicePort}
    requestsPerMinute: 0
    failedChallengesPerMinute: 0
  admin: { port: ${adminPort} }
workers: { count: 2 }
ca:
  - { id: ${CA_ID}, rootKey: p256, issuingKey: p256 }
intune:
  tenant: ${simulator.tenantId}
  clientId: ${simulator.clientId}
  clientSecretFile: ${clientSecretFile}
  authorityUrl: ${simulator.authorityUrl}
  graphUrl: ${simulator.graphUrl}
  intuneResourceUrl: ${simulator.intuneResourceUrl}
  trustedCaFile: ${simulator.caFile}
  allowedHostSuffixes: [127.0.0.1]
profiles:
  - { name: default, ca: ${CA_ID}, challenge: { kind: intune } }
  - { name: strict, ca: ${CA_ID}, challenge: { kind: intune }, notifyMode: strict }
  - { name: static, ca: ${CA_ID}, challenge: { kind: static, secretFile: ${staticSecretFile} } }
notifications:
  onlinePausesSeconds: [1, 1, 1, 1]
  courierPausesSeconds: [1]
logging: { console: 'off', maxBytes: ${LOG_BYTES}, archives: 1000 }
`,
  )
  return {
    folder,
    dataDir,
    configFile,
    deviceUrl: `http://127.0.0.1:${devicePort}`,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Puts a CA there whose keys open at once: many starts follow, and none is about scrypt. */
export async function recordCa({ dataDir }: CrashSite): Promise<void> {
  const passphrase = randomBytes(32).toString('base64url')
  writeFileSync(join(dataDir, 'passphrase'), passphrase, { mode: 0o600 })
  await recordQuickAuthority(join(dataDir, 'ca', CA_ID), new Secret(passphrase), {
    names: { name: 'Crash CA' },
    rootKey: 'p256',
    issuingKey: 'p256',
    now: new Date(),
    random: randomBytes,
  })
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
