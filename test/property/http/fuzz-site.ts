import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectorProcess, startConnectorProcess } from '../../crash/connector-process.ts'
import { recordCa } from '../../crash/crash-site.ts'
import { findFreePorts } from '../../support/free-ports.ts'

/** A connector in a process of its own, without Intune and without rate limits. */
export interface FuzzSite {
  readonly deviceUrl: string
  readonly profile: string
  readonly challenge: string
  /** Megabytes, as the process tells on its metrics page. */
  loadMemory(): Promise<{ readonly heap: number; readonly resident: number }>
  /** Whether the process still says that it is ready. */
  isReady(): Promise<boolean>
  /** Stops it as an operator would; the exit code. */
  stop(): Promise<number | undefined>
}

const CHALLENGE = 'fuzz-challenge'

/** Starts one and waits until it is ready. */
export async function startFuzzSite(): Promise<FuzzSite> {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-'))
  const dataDir = join(folder, 'data')
  mkdirSync(dataDir, { mode: 0o700 })
  const [devicePort, adminPort] = await findFreePorts(2)
  const secretFile = join(folder, 'static-challenge')
  writeFileSync(secretFile, CHALLENGE, { mode: 0o600 })
  const configFile = join(folder, 'connector.yaml')
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
    requestTimeoutMs: 5000
  admin: { port: ${adminPort} }
workers: { count: 2 }
ca:
  - { id: default, rootKey: p256, issuingKey: p256 }
profiles:
  - { name: static, challenge: { kind: static, secretFile: ${secretFile} } }
logging: { console: 'off', maxBytes: 1048576, archives: 2 }
`,
  )
  const site = {
    folder,
    dataDir,
    configFile,
    deviceUrl: `http://127.0.0.1:${devicePort}`,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
  await recordCa(site)
  const connector = startConnectorProcess(site)
  await connector.ready
  return describeSite(site, connector)
}

function describeSite(
  site: Parameters<typeof startConnectorProcess>[0],
  connector: ConnectorProcess,
): FuzzSite {
  return {
    deviceUrl: site.deviceUrl,
    profile: 'static',
    challenge: CHALLENGE,
    async loadMemory() {
      const text = await (await fetch(`${site.adminUrl}/metrics`)).text()
      const read = (name: string) =>
        Number(new RegExp(String.raw`^${name} (\S+)$`, 'm').exec(text)?.[1]) / 2 ** 20
      return {
        heap: read('nodejs_heap_size_used_bytes'),
        resident: read('process_resident_memory_bytes'),
      }
    },
    isReady: async () =>
      await fetch(`${site.adminUrl}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    async stop() {
      const code = await connector.stop()
      site.remove()
      return code
    },
  }
}
