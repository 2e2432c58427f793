import type { Journal } from '../../../src/events/index.ts'

/** A journal that keeps nothing. */
export const silentJournal: Journal = {
  record: () => undefined,
  debug: () => undefined,
  child: () => silentJournal,
}
