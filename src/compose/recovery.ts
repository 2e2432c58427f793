import { closeOpenIntents, recoverAdminEvents, type Safekeeping } from '../connector/index.ts'
import { listRecordedNotifications, type RootJournal, readEvents } from '../events/index.ts'
import type { Clock } from '../kernel/index.ts'
import type { Store } from '../store/index.ts'

/** What a crash left in the register and in the log. */
export interface Recovery {
  /** Closes intents that no device can take up any more. Returns how many. */
  closeIntents(): Promise<number>
  /** Writes the Admin events that a crash swallowed. Returns how many. */
  recordLostEvents(): Promise<number>
}

/** @param parts.logsDir folder of the logs, which are asked what they have already */
export function composeRecovery(
  parts: Pick<Store, 'certificates' | 'outbox'> & {
    readonly safekeeping: Safekeeping
    readonly logsDir: string
    readonly journal: RootJournal
    readonly clock: Clock
  },
): Recovery {
  const { certificates, outbox, safekeeping, logsDir, journal, clock } = parts
  return {
    closeIntents: async () =>
      await closeOpenIntents({
        certificates,
        safekeeping,
        journal,
        clock,
        isClosed: async (transactionId, since) => {
          const query = { channel: 'admin', transactionId, since, limit: 1 } as const
          return (await readEvents(logsDir, query)).length > 0
        },
      }),
    recordLostEvents: async () =>
      await recoverAdminEvents({
        outbox,
        journal,
        loadRecorded: async (eventIds, since) =>
          await listRecordedNotifications(logsDir, eventIds, since),
      }),
  }
}
