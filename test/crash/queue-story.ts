import type { QueueSite } from './queue-site.ts'

/** One kind of work, as two connectors share it. */
export interface QueueStory {
  /** As the service names the queue. */
  readonly kind: 'pkcs' | 'pkcsRecrypt' | 'pkcsImport' | 'revocation'
  /** Lines of the configuration that switch it on. */
  readonly configuration: string
  /** The Admin event of an item by how it ends. */
  readonly adminEvents: { readonly succeeded: number; readonly failedFinal: number }
  /** Makes what both connectors know beforehand, before the first start. The second one starts from a copy. */
  prepare(dataDir: string, items: number): Promise<void>
  /** Body of the control call that queues the item with this number. */
  orderOf(index: number): object
  endOf(index: number): 'succeeded' | 'failedFinal'
  /** What must hold in the house for items that ended; violations. */
  checkHouses(sites: readonly QueueSite[], items: number): readonly string[]
}
