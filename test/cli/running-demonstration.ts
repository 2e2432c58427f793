import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assertAdminOnce } from '../support/admin-once.ts'
import { findFreePorts } from '../support/free-ports.ts'
import { type CommandResult, type CommandRun, runCommand, startCommand } from './command-run.ts'

/** `certconnector serve` with the simulator, as a process, on ports of its own. */
export interface RunningDemonstration {
  readonly cwd: string
  readonly serve: CommandRun
  readonly deviceUrl: string
  readonly adminUrl: string
  readonly controlUrl: string
  /** Another command beside it, with the same configuration. */
  run(...words: readonly string[]): Promise<CommandResult>
  control(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<void>
  /** Ends what still runs and removes the folder. Fails when a request or an item has no Admin event, or more than one. */
  remove(): Promise<void>
}

/** The challenge of the profile `static`. */
export const sharedChallenge = 'shared-by-all-devices'

export async function startDemonstration(): Promise<RunningDemonstration> {
  const cwd = mkdtempSync(join(tmpdir(), 'demonstration-'))
  const [device = 0, admin = 0, https = 0, control = 0] = await findFreePorts(4)
  writeFileSync(join(cwd, 'challenge'), `${sharedChallenge}\n`)
  writeFileSync(
    join(cwd, 'connector.yaml'),
    `
dataDir: data
listeners:
  device: { port: ${device}, publicUrl: "http://127.0.0.1:${device}" }
  admin: { port: ${admin} }
ca: [{ id: default, rootKey: p256, issuingKey: p256 }]
intune:
  tenant: 7e57ab1e-0000-4000-8000-000000000001
  clientId: 7e57ab1e-0000-4000-8000-000000000002
  clientSecretFile: challenge
  timeouts: { connectMs: 500, readMs: 1500 }
profiles:
  - { name: default, challenge: { kind: intune } }
  - { name: static, challenge: { kind: static, secretFile: challenge } }
notifications: { onlinePausesSeconds: [1], courierPausesSeconds: [3600] }
logging: { console: pretty }
simulator: { enabled: true, httpsPort: ${https}, controlPort: ${control} }
`,
  )
  const serve = startCommand(['serve'], { cwd })
  const controlUrl = `http://127.0.0.1:${control}`
  await serve.waitFor(/Events follow\./)
  return {
    cwd,
    serve,
    deviceUrl: `http://127.0.0.1:${device}`,
    adminUrl: `http://127.0.0.1:${admin}`,
    controlUrl,
    run: async (...words) => await runCommand(words, { cwd }),
    async control(method, path, body) {
      const answer = await fetch(`${controlUrl}${path}`, {
        method,
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      })
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`)
    },
    async remove() {
      try {
        serve.child.kill('SIGTERM')
        await serve.ended
        await assertAdminOnce(join(cwd, 'data', 'logs'))
      } finally {
        rmSync(cwd, { recursive: true, force: true })
      }
    },
  }
}
