import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type Clock, Secret, systemClock } from '../../src/kernel/index.ts'
import {
  createOpenService,
  type OpenService,
  type OpenServiceOptions,
} from '../../src/management/index.ts'
import type { Simulator } from '../../src/simulator/index.ts'

/** What a client keeps, in memory: give it to another client and that one is the same connector, restarted. */
export interface AgentMemory {
  readonly keys: Map<string, KeyObject>
  record: string | undefined
  releases?: string
}

/** Making one takes half a second; who a connector is, its other key says. */
const sharedEncryptionKey = generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey

/** A client of the simulator's open service. */
export function openServiceClient(
  simulator: Pick<Simulator, 'httpsUrl' | 'caPem' | 'enrolmentToken' | 'releaseKeyPem'>,
  change: Partial<OpenServiceOptions> = {},
  memory: AgentMemory = {
    keys: new Map([['encryption-1.key', sharedEncryptionKey]]),
    record: undefined,
  },
  clock: Clock = systemClock,
): OpenService & { readonly memory: AgentMemory } {
  const service = createOpenService({
    url: simulator.httpsUrl,
    enrolmentToken: new Secret(simulator.enrolmentToken),
    trustedCaPem: simulator.caPem,
    releaseKeyPem: simulator.releaseKeyPem,
    proxy: undefined,
    keys: {
      find: async (name) => memory.keys.get(name),
      async save(name, pkcs8Der) {
        const key = Buffer.from(pkcs8Der)
        memory.keys.set(name, createPrivateKey({ key, format: 'der', type: 'pkcs8' }))
      },
    },
    releases: {
      find: async () => memory.releases,
      async save(text) {
        memory.releases = text
      },
    },
    record: {
      find: async () => memory.record,
      async save(text) {
        memory.record = text
      },
    },
    displayName: 'connector-paris-1',
    machineName: 'cc1.corp.example',
    version: '1.4.0',
    features: { scep: true, pkcs: true, pkcsImport: true, revocation: true },
    timeouts: { connectMs: 2000, readMs: 2000 },
    clock,
    ...change,
  })
  return { ...service, memory }
}
