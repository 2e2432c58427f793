import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { type RunningConnector, startConnector } from '../../src/compose/index.ts'
import { type Configuration, demonstrationConfiguration } from '../../src/config/index.ts'
import { type EventQuery, type EventRecord, readEvents } from '../../src/events/index.ts'
import { type Clock, Secret, systemClock } from '../../src/kernel/index.ts'
import { assertAdminOnce } from './admin-once.ts'
import { recordQuickAuthority } from './quick-authority.ts'

/** The demonstration in this process, on ports of its own and in a folder of its own. */
export interface TestConnector {
  readonly connector: RunningConnector
  readonly dataDir: string
  /** SCEP URL of a profile: `default` (Intune validation by the simulator), `static`, `legacy`. */
  scepUrl(profile?: string): string
  /** A control call of the simulator; the parsed answer. */
  control(method: 'GET' | 'POST' | 'DELETE' | 'PUT', path: string, body?: unknown): Promise<unknown>
  /** A fresh challenge of the simulator. */
  challenge(terms?: Readonly<Record<string, unknown>>): Promise<string>
  /** What the logs hold now. */
  events(query?: EventQuery): Promise<readonly EventRecord[]>
  /** Waits until `isThere` holds for the events of a query; fails after `withinMs`, saying what was there. */
  waitForEvents(
    query: EventQuery,
    isThere: (found: readonly EventRecord[]) => boolean,
    withinMs?: number,
  ): Promise<readonly EventRecord[]>
  /**
   * Stops the connector and keeps its folder, so that another can be started on it. Fails when a request or an item that
   * ended has no Admin event, or more than one.
   */
  stop(): Promise<void>
  /** Stops and removes the folder. */
  remove(): Promise<void>
}

/**
 * Starts one.
 *
 * @param change adapts the configuration of the demonstration (profiles, pauses, notifyMode, …)
 * @param dataDir a folder to go on with, or an empty one for a true first start; left out: a new one whose CA, on P-256,
 *   is there already
 * @param clock of the connector and its simulator
 */
export async function startTestConnector(
  change: (configuration: Configuration) => Configuration = (same) => same,
  dataDir?: string,
  clock: Clock = systemClock,
): Promise<TestConnector> {
  return await startIn(dataDir ?? (await makeDataFolder()), change, clock)
}

async function startIn(
  dataDir: string,
  change: (configuration: Configuration) => Configuration,
  clock: Clock,
): Promise<TestConnector> {
  const ports = { device: 0, admin: 0, simulator: 0, control: 0 }
  const demonstration = demonstrationConfiguration(dataDir, ports)
  const configuration = change({
    ...demonstration,
    logging: { ...demonstration.logging, console: 'off' },
    // One thread starts sooner; stories about several say so.
    workers: { ...demonstration.workers, count: 1 },
    // Enrolling there takes an RSA key; the stories that need it switch it on.
    management: {},
    features: { ...demonstration.features, pkcs: false },
  })
  const connector = await startConnector(configuration, {
    version: '0.0.0-test',
    console: nowhere(),
    clock,
  }).catch((error: unknown) => {
    rmSync(dataDir, { recursive: true, force: true })
    throw error
  })
  let isStopped = false

  async function control(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(`${connector.simulator?.controlUrl}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }

  async function events(query: EventQuery = {}): Promise<readonly EventRecord[]> {
    if (!isStopped) await connector.journal.flush()
    return await readEvents(join(dataDir, 'logs'), { ...query, limit: 100_000 })
  }

  async function stop(): Promise<void> {
    isStopped = true
    await connector.stop()
    await assertAdminOnce(join(dataDir, 'logs'))
  }

  return {
    connector,
    dataDir,
    scepUrl: (profile = 'default') => `${connector.deviceUrl}/scep/${profile}`,
    control,
    async challenge(terms = {}) {
      const made = (await control('POST', '/control/challenges', terms)) as { challenge: string }
      return made.challenge
    },
    events,
    async waitForEvents(query, isThere, withinMs = 60_000) {
      for (const until = Date.now() + withinMs; ; ) {
        const found = await events(query)
        if (isThere(found)) return found
        if (Date.now() > until)
          throw new Error(
            `not within ${withinMs} ms; there were ${found.map(({ eventId }) => eventId).join(', ') || 'none'}`,
          )
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    stop,
    async remove() {
      try {
        await stop()
      } finally {
        rmSync(dataDir, { recursive: true, force: true })
      }
    },
  }
}

async function makeDataFolder(): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'connector-'))
  const passphrase = randomBytes(32).toString('base64url')
  writeFileSync(join(dataDir, 'passphrase'), passphrase, { mode: 0o600 })
  for (const { id, name } of demonstrationConfiguration(dataDir).ca) {
    await recordQuickAuthority(join(dataDir, 'ca', id), new Secret(passphrase), {
      names: { name },
      rootKey: 'p256',
      issuingKey: 'p256',
      now: new Date(),
      random: randomBytes,
    })
  }
  return dataDir
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() })
}
