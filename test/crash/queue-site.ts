import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Secret } from '../../src/kernel/index.ts'
import type { Simulator } from '../../src/simulator/index.ts'
import { findFreePorts } from '../support/free-ports.ts'
import { recordQuickAuthority } from '../support/quick-authority.ts'
import type { CrashSite } from './crash-site.ts'
import type { QueueStory } from './queue-story.ts'

/** One of the connectors: its folder survives every kill. */
export type QueueSite = CrashSite & { readonly name: string }

export const CA_ID = 'default'

/** Two connectors with a data folder and a CA each, at the open service of `simulator`. Neither knows the other. */
export async function createQueueSites(
  folder: string,
  story: QueueStory,
  items: number,
  simulator: Simulator,
): Promise<readonly [QueueSite, QueueSite]> {
  const ports = await findFreePorts(4)
  const [first, second] = [
    createSite(folder, 'first', [ports[0], ports[1]]),
    createSite(folder, 'second', [ports[2], ports[3]]),
  ]
  const issuersFile = join(folder, 'device-issuers.pem')
  writeFileSync(issuersFile, simulator.deviceCaPem)
  for (const site of [first, second]) {
    await recordCa(site)
    writeFileSync(join(site.folder, 'token'), simulator.enrolmentToken, { mode: 0o600 })
    const own = story.configurationOf(issuersFile)
    writeFileSync(site.configFile, `${configurationOf(site, simulator)}${own}\n`)
  }
  await story.prepare([first, second], items)
  return [first, second]
}

function createSite(
  parent: string,
  name: string,
  [devicePort = 0, adminPort = 0]: readonly (number | undefined)[],
): QueueSite {
  const folder = join(parent, name)
  mkdirSync(join(folder, 'data'), { recursive: true, mode: 0o700 })
  return {
    name,
    folder,
    dataDir: join(folder, 'data'),
    configFile: join(folder, 'connector.yaml'),
    deviceUrl: `http://127.0.0.1:${devicePort}`,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Its keys open at once: many starts follow, and none is about scrypt. */
async function recordCa({ dataDir, name }: QueueSite): Promise<void> {
  const passphrase = randomBytes(32).toString('base64url')
  writeFileSync(join(dataDir, 'passphrase'), passphrase, { mode: 0o600 })
  await recordQuickAuthority(join(dataDir, 'ca', CA_ID), new Secret(passphrase), {
    names: { name: `Queue CA of the ${name}` },
    rootKey: 'p256',
    issuingKey: 'p256',
    now: new Date(),
    random: randomBytes,
  })
}

function configurationOf(site: QueueSite, simulator: Simulator): string {
  return `dataDir: ${site.dataDir}
listeners:
  device: { port: ${new URL(site.deviceUrl).port}, publicUrl: ${site.deviceUrl} }
  admin: { port: ${new URL(site.adminUrl).port} }
workers: { count: 1 }
ca:
  - { id: ${CA_ID}, rootKey: p256, issuingKey: p256 }
management:
  openService:
    url: ${simulator.httpsUrl}
    enrolmentTokenFile: ${join(site.folder, 'token')}
    caFile: ${simulator.caFile}
logging: { console: 'off' }
`
}
