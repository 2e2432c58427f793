import type { QueueStory } from './queue-story.ts'

/** An item as the service shows it. */
export interface ServedItem {
  readonly requestContext: string
  readonly state: 'queued' | 'leased' | 'succeeded' | 'failedFinal'
  readonly attempt: number
  /** Where the kind of work has devices. */
  readonly deviceId: string
  readonly results: readonly {
    readonly connectorId: string
    readonly outcome: string
    readonly result: Readonly<Record<string, unknown>>
  }[]
}

/** A device of the service, with a key that payloads are sealed for. */
export interface ServedDevice {
  readonly deviceId: string
  readonly thumbprint: string
}

/** Control of the open service that both connectors work for. */
export interface QueueService {
  /** In the order of their numbers. */
  queue(orders: readonly object[]): Promise<readonly string[]>
  list(): Promise<readonly ServedItem[]>
  countConnectors(): Promise<number>
  /** DER of what escrow copies are sealed for, of each enrolled connector. */
  listEscrowCertificates(): Promise<readonly Uint8Array[]>
  issueDevice(): Promise<ServedDevice>
  /** What a device finds in a CMS message. */
  openAsDevice(deviceId: string, cmsBase64: string): Promise<Uint8Array>
  /** From now on nothing is lent for longer. */
  limitLeases(maxLeaseSeconds: number): Promise<void>
  break(order: object): Promise<void>
  repair(): Promise<void>
  /** What was lent for less than that is lent to somebody else afterwards. */
  moveClock(advanceMinutes: number): Promise<void>
}

/** Speaks to the control listener of the simulator. */
export function createQueueService(controlUrl: string, { kind }: QueueStory): QueueService {
  async function call(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${controlUrl}/control/${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }

  return {
    queue: async (orders) =>
      await Promise.all(
        orders.map(
          async (order) =>
            ((await call('POST', `work/${kind}`, order)) as ServedItem).requestContext,
        ),
      ),
    list: async () => ((await call('GET', `work/${kind}`)) as { value: ServedItem[] }).value,
    countConnectors: async () =>
      ((await call('GET', 'connectors')) as { value: readonly unknown[] }).value.length,
    async listEscrowCertificates() {
      const { value } = (await call('GET', 'connectors')) as {
        value: readonly { readonly encryptionCertificate: string }[]
      }
      return value.map(({ encryptionCertificate }) => Buffer.from(encryptionCertificate, 'base64'))
    },
    issueDevice: async () => (await call('POST', 'devices', {})) as ServedDevice,
    async openAsDevice(deviceId, cms) {
      const opened = (await call('POST', `devices/${deviceId}/open`, { cms })) as {
        readonly content: string
      }
      return Buffer.from(opened.content, 'base64')
    },
    async limitLeases(maxLeaseSeconds) {
      await call('PUT', 'open-service', { maxLeaseSeconds })
    },
    async break(order) {
      await call('POST', 'faults', order)
    },
    async repair() {
      await call('DELETE', 'faults')
    },
    async moveClock(advanceMinutes) {
      await call('POST', 'clock', { advanceMinutes })
    },
  }
}
