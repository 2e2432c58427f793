import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Configuration } from '../../src/config/index.ts'
import { type Clock, Secret } from '../../src/kernel/index.ts'
import { type Simulator, startSimulator } from '../../src/simulator/index.ts'

/** An item of a queue as the simulator shows it. */
export interface QueuedItem {
  readonly requestContext: string
  readonly state: string
  readonly attempt: number
  /** Connectors that gave it back within ten minutes. */
  readonly passedOver: readonly string[]
  readonly results: readonly { readonly outcome: string }[]
}

/** A connector service that runs apart from the connectors that a test starts. */
export interface ServiceBeside {
  readonly folder: string
  readonly simulator: Simulator
  /** The demonstration without Intune, at this service. */
  configure(configuration: Configuration): Configuration
  /** A control call; the parsed answer. */
  control<T>(method: string, path: string, body?: object): Promise<T>
  itemsOf(kind: string): Promise<readonly QueuedItem[]>
  /** Looks every 20 ms; fails after a minute. */
  waitUntil(what: string, isSo: () => Promise<boolean>): Promise<void>
  remove(): Promise<void>
}

/** Starts one; its time is that of `clock`, or the machine's. */
export async function startServiceBeside(clock?: Clock): Promise<ServiceBeside> {
  const folder = await mkdtemp(join(tmpdir(), 'service-beside-'))
  const simulator = await startSimulator({
    dataDir: folder,
    httpsPort: 0,
    controlPort: 0,
    ...(clock === undefined ? {} : { clock }),
  })
  async function control<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(`${simulator.controlUrl}/control/${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }
  return {
    folder,
    simulator,
    configure(configuration) {
      const { intune: _, ...rest } = configuration
      return {
        ...rest,
        profiles: configuration.profiles.filter(({ challenge }) => challenge.kind === 'static'),
        simulator: { ...configuration.simulator, enabled: false },
        management: {
          openService: {
            url: simulator.httpsUrl,
            enrolmentToken: new Secret(simulator.enrolmentToken),
            caFile: simulator.caFile,
            timeouts: { connectMs: 2000, readMs: 5000 },
          },
        },
      }
    },
    control,
    itemsOf: async (kind) =>
      (await control<{ value: readonly QueuedItem[] }>('GET', `work/${kind}`)).value,
    async waitUntil(what, isSo) {
      for (const until = Date.now() + 60_000; !(await isSo()); ) {
        assert.ok(Date.now() < until, `not within a minute: ${what}`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    async remove() {
      await simulator.close()
      await rm(folder, { recursive: true })
    },
  }
}
