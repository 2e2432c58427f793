import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Configuration } from '../../src/config/index.ts'
import type { EventRecord } from '../../src/events/index.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'
import { runOrThrow } from './run-program.ts'
import { openWireTap, type WireTap } from './wire-tap.ts'

/** Profiles besides those of the demonstration, each for a habit of one client. Their challenge is `secret`. */
export type StageProfile =
  | 'default'
  | 'static'
  | 'legacy'
  | 'sha384'
  | 'get-only'
  | 'ndes-content'
  | 'manual'
  | 'manual-legacy'

/** A connector with the CA's files beside it, and a tap between it and the clients. */
export interface Stage {
  /** Another one after `restart`. */
  readonly connector: TestConnector
  readonly tap: WireTap
  /** Working folder; removed at the end. */
  readonly folder: string
  readonly files: {
    /** PEM: root, as an operator exports it. */
    readonly root: string
    readonly issuing: string
    readonly ra: string
    /** PKCS #8, encrypted with the passphrase; only openssl uses it, to read what clients sent. */
    readonly raKey: string
    readonly passphrase: string
  }
  /** Forgets what crossed the wire and what was logged before. Called right before the run that is checked. */
  begin(): Promise<void>
  /** Events of a transaction since `begin`; clients use a transactionID again, so that older ones may have it too. */
  eventsOf(transactionId: string, count: number): Promise<readonly EventRecord[]>
  /** SCEP URL of a profile, through the tap. */
  scepUrl(profile: StageProfile): string
  /** Writes a file below the folder and gives its path. */
  write(name: string, content: Uint8Array | string): string
  /** An empty folder for one story. */
  makeFolder(name: string): string
  /** Stops the connector and starts it anew on the same folder. Clients go on with the same URL. */
  restart(): Promise<void>
  /** Runs `certconnector` beside the connector; its output. */
  command(...words: readonly string[]): Promise<string>
  remove(): Promise<void>
}

/** Starts one; everything listens on free loopback ports. */
export async function createStage(): Promise<Stage> {
  const tap = await openWireTap()
  let connector = await startTestConnector(
    (demonstration) => adapt(demonstration, tap.url),
    // A true first start: the CA of the demonstration is RSA, and scepclient encrypts to every certificate of GetCACert.
    mkdtempSync(join(tmpdir(), 'interop-connector-')),
  )
  tap.forwardTo(connector.connector.deviceUrl)
  const folder = mkdtempSync(join(tmpdir(), 'interop-'))
  const { dataDir } = connector
  let lastSeq = 0

  function write(name: string, content: Uint8Array | string): string {
    const file = join(folder, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content, { mode: 0o600 })
    return file
  }

  const exported = async (which: 'root' | 'issuing' | 'ra') => {
    const args = [commandLine, '--data-dir', dataDir, 'ca', 'export', which]
    // In a folder without a connector.yaml, so that the configuration is that of the demonstration.
    return write(`${which}.pem`, await runOrThrow(process.execPath, args, { cwd: folder }))
  }
  const caFolder = join(dataDir, 'ca', 'default')
  const raKey = readdirSync(caFolder).find((name) => /^ra-.*\.key$/.test(name)) ?? ''
  return {
    get connector() {
      return connector
    },
    tap,
    folder,
    files: {
      root: await exported('root'),
      issuing: await exported('issuing'),
      ra: await exported('ra'),
      raKey: join(caFolder, raKey),
      passphrase: join(dataDir, 'passphrase'),
    },
    async begin() {
      tap.take()
      lastSeq = (await connector.events()).at(-1)?.instanceSeq ?? 0
    },
    async eventsOf(transactionId, count) {
      const isNew = (one: EventRecord) => one.instanceSeq > lastSeq
      const found = await connector.waitForEvents(
        { transactionId },
        (all) => all.filter(isNew).length >= count,
      )
      return found.filter(isNew)
    },
    scepUrl: (profile) => `${tap.url}/scep/${profile}`,
    write,
    makeFolder(name) {
      const made = join(folder, name)
      mkdirSync(made, { recursive: true })
      return made
    },
    async restart() {
      tap.hold()
      await connector.stop()
      connector = await startTestConnector(
        (demonstration) => adapt(demonstration, tap.url),
        dataDir,
      )
      tap.forwardTo(connector.connector.deviceUrl)
    },
    command: async (...words) =>
      (
        await runOrThrow(process.execPath, [commandLine, '--data-dir', dataDir, ...words], {
          cwd: folder,
        })
      ).toString(),
    async remove() {
      await tap.close()
      await connector.remove()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const commandLine = join(import.meta.dirname, '../../src/cli/main.ts')

function adapt(demonstration: Configuration, publicUrl: string): Configuration {
  const shared = demonstration.profiles.find(({ name }) => name === 'static')
  const legacy = demonstration.profiles.find(({ name }) => name === 'legacy')
  if (shared === undefined || legacy === undefined)
    throw new Error('the demonstration lacks its profiles static and legacy')
  return {
    ...demonstration,
    // CRL and CA certificate addresses in certificates then work for openssl and curl.
    listeners: {
      ...demonstration.listeners,
      device: { ...demonstration.listeners.device, publicUrl },
    },
    profiles: [
      ...demonstration.profiles,
      { ...shared, name: 'sha384', capabilities: [...shared.capabilities, 'SHA-384'] },
      {
        ...shared,
        name: 'get-only',
        capabilities: shared.capabilities.filter(
          (word) => word !== 'POSTPKIOperation' && word !== 'SCEPStandard',
        ),
      },
      { ...shared, name: 'manual', manualApproval: true },
      { ...legacy, name: 'manual-legacy', manualApproval: true },
      { ...shared, name: 'ndes-content', scep: { ...shared.scep, ndesEmptyContent: true } },
    ],
  }
}
