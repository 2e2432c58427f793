import type { Store } from '../../src/store/index.ts'

/** A store under test, and how another instance opens the same data. */
export interface StoreHarness {
  readonly store: Store
  /** As a second process would: shares the data, not the memory. The harness closes it. */
  openSecond(): Promise<Store>
  close(): Promise<void>
}

/** Gives the harness of the test that runs. */
export type CurrentHarness = () => StoreHarness
