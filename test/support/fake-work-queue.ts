import { randomUUID } from 'node:crypto'
import type {
  LeaseRef,
  UnreadableItem,
  UploadOutcome,
  WorkBatch,
  WorkItem,
  WorkQueue,
} from '../../src/management/index.ts'

type Item = WorkItem<'revocation'>
type Result = Parameters<WorkQueue<'revocation'>['upload']>[0][number]

/** A queue in memory whose every answer a test decides. */
export interface FakeWorkQueue extends WorkQueue<'revocation'> {
  /** Handed out by the next downloads, all at once. */
  readonly waiting: Item[]
  readonly unreadable: UnreadableItem[]
  /** Calls so far. */
  readonly downloads: number[]
  readonly uploads: Result[][]
  readonly renewals: LeaseRef[][]
  readonly releases: { readonly leases: readonly LeaseRef[]; readonly reason: string }[]
  /** Thrown by the next downloads and uploads, first in first out. */
  readonly downloadFailures: Error[]
  readonly uploadFailures: Error[]
  /** What becomes of a result; default `recorded`. */
  outcomeOf: (result: Result) => UploadOutcome['outcome']
  /** Leases that are lost when they are renewed. */
  readonly lost: Set<string>
}

/** An item with a serial of its own. */
export function fakeItem(change: Partial<Item> & { readonly serialNumber?: string } = {}): Item {
  const { serialNumber = '4A01', ...more } = change
  return {
    requestContext: randomUUID(),
    lease: undefined,
    expires: undefined,
    request: {
      serialNumber,
      issuerName: undefined,
      caConfiguration: undefined,
      thumbprintHex: undefined,
      reason: undefined,
      deviceId: undefined,
      userId: undefined,
    },
    ...more,
  }
}

/** @param hasLeases as an open service has, or Microsoft's feed has not */
export function createFakeWorkQueue(hasLeases = false): FakeWorkQueue {
  const queue: FakeWorkQueue = {
    name: 'fake/revocation',
    kind: 'revocation',
    limits: { maxItems: 100, maxWaitSeconds: 0 },
    waiting: [],
    unreadable: [],
    downloads: [],
    uploads: [],
    renewals: [],
    releases: [],
    downloadFailures: [],
    uploadFailures: [],
    outcomeOf: () => 'recorded',
    lost: new Set(),
    async download({ maxItems }): Promise<WorkBatch<'revocation'>> {
      queue.downloads.push(maxItems)
      const failure = queue.downloadFailures.shift()
      if (failure !== undefined) throw failure
      return {
        items: queue.waiting.splice(0, maxItems),
        unreadable: queue.unreadable.splice(0),
        passedOver: 0,
        moreAvailable: false,
      }
    },
    async upload(results) {
      queue.uploads.push([...results])
      const failure = queue.uploadFailures.shift()
      if (failure !== undefined) throw failure
      return results.map((result) => ({
        requestContext: result.requestContext,
        outcome: queue.outcomeOf(result),
      }))
    },
    ...(hasLeases
      ? {
          async renewLeases(leases: readonly LeaseRef[]) {
            queue.renewals.push([...leases])
            return leases.map((lease) => ({
              ...lease,
              expires: queue.lost.has(lease.leaseId) ? undefined : new Date('2026-06-02T00:00:00Z'),
            }))
          },
          async releaseLeases(leases: readonly LeaseRef[], reason: string) {
            queue.releases.push({ leases, reason })
          },
        }
      : {}),
  }
  return queue
}
