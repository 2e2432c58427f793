import type { QueueService, ServedItem } from './queue-service.ts'
import type { QueueSite } from './queue-site.ts'

/** What there is to look at when every item has ended: both connectors have stopped, the service has not. */
export interface QueueEnd {
  readonly sites: readonly QueueSite[]
  /** In the order of their numbers. */
  readonly served: readonly ServedItem[]
  /** The last CRL of each site, as devices got it. */
  readonly crls: ReadonlyMap<QueueSite, Uint8Array>
  readonly service: QueueService
}

/** What a story found, and what it counted besides. */
export interface StoryFindings {
  readonly violations: readonly string[]
  readonly figures?: Readonly<Record<string, number>>
}

/** One kind of work, as two connectors share it. */
export interface QueueStory {
  /** As the service names the queue. */
  readonly kind: 'pkcs' | 'pkcsRecrypt' | 'pkcsImport' | 'revocation'
  /**
   * The service lends for so many seconds only: what a dead connector had is lost by everybody's clock. Undefined: for as
   * long as it is asked, and its own clock jumps past that.
   */
  readonly leaseSeconds?: number
  /** The Admin event of an item by how it ends. */
  readonly adminEvents: { readonly succeeded: number; readonly failedFinal: number }
  /**
   * Lines of the configuration that switch it on.
   *
   * @param deviceIssuersFile PEM of who issues the certificates of the service's devices
   */
  configurationOf(deviceIssuersFile: string): string
  /** Makes what the connectors know beforehand, before the first start. Each has a CA of its own. */
  prepare(sites: readonly [QueueSite, QueueSite], items: number): Promise<void>
  /** Makes what orders are made of. Both connectors are enrolled. */
  begin(service: QueueService): Promise<void>
  /** Body of the control call that queues the item with this number. */
  orderOf(index: number): object
  endOf(index: number): 'succeeded' | 'failedFinal'
  /** What must hold for items that ended, beyond their one result and their one Admin event. */
  check(end: QueueEnd): Promise<StoryFindings>
}
