import { randomUUID } from 'node:crypto'
import { deserialize, serialize } from 'node:v8'
import { events, type Journal } from '../events/index.ts'
import { type Clock, ConnectorError, describeError } from '../kernel/index.ts'
import type {
  CertificateRegister,
  IssuanceIntent,
  IssuedCertificate,
  OwedNotification,
  RefusalRecord,
  Spool,
  SpoolEntry,
} from '../store/index.ts'
import type { PayloadCipher } from './ports.ts'

/** What must not be lost once it has happened. */
type Keepsake =
  | {
      readonly kind: 'completion'
      readonly intent: IssuanceIntent
      readonly issued: IssuedCertificate
      readonly owed: OwedNotification | undefined
    }
  | {
      readonly kind: 'abandonment'
      readonly serialHex: string
      readonly reason: string
      readonly owed: OwedNotification | undefined
    }
  | {
      readonly kind: 'refusal'
      readonly refusal: RefusalRecord
      readonly owed: OwedNotification | undefined
    }

/** Where a keepsake went: the database, a file until the database is back, or nowhere. */
export type KeptIn = 'store' | 'spool' | 'nowhere'

/** Writes down what has happened: to the store, else to the spool, else event 4010. Never throws for a disk. */
export interface Safekeeping {
  keepCompletion(
    intent: IssuanceIntent,
    issued: IssuedCertificate,
    owed: OwedNotification | undefined,
    log: Journal,
  ): Promise<KeptIn>
  keepAbandonment(
    serialHex: string,
    reason: string,
    owed: OwedNotification | undefined,
    log: Journal,
  ): Promise<KeptIn>
  keepRefusal(
    refusal: RefusalRecord,
    owed: OwedNotification | undefined,
    log: Journal,
  ): Promise<KeptIn>
  /**
   * Brings spooled entries into the store, oldest first; stops at the first that the store refuses. An entry leaves the
   * spool after its transaction, and doing it twice changes nothing, so a crash in between is harmless.
   *
   * @returns entries replayed
   * @throws ConnectorError `store/unavailable`
   */
  replay(): Promise<number>
}

/** One instance for all profiles of a process. */
export function createSafekeeping(ports: {
  readonly certificates: CertificateRegister
  readonly spool: Spool
  readonly cipher: PayloadCipher
  readonly journal: Journal
  readonly clock: Clock
}): Safekeeping {
  const { certificates, spool, cipher, journal, clock } = ports
  // Listing a directory every second costs little, but the answer is known while nothing was spooled here.
  let mayHaveEntries = true
  const unopenable = new Set<string>()

  async function apply(keepsake: Keepsake): Promise<void> {
    switch (keepsake.kind) {
      case 'completion':
        return await certificates.complete(keepsake.intent, keepsake.issued, keepsake.owed)
      case 'abandonment':
        return await certificates.abandon(keepsake.serialHex, keepsake.reason, keepsake.owed)
      case 'refusal':
        return await certificates.refuse(keepsake.refusal, keepsake.owed)
    }
  }

  async function keep(keepsake: Keepsake, log: Journal): Promise<KeptIn> {
    try {
      await apply(keepsake)
      return 'store'
    } catch (error) {
      log.debug('operational', `store refuses a ${keepsake.kind}: ${describeError(error)}`)
    }
    // A bare refusal owes nothing to anybody and stands in the log; a flood of them must not fill the disk.
    if (keepsake.kind === 'refusal' && keepsake.owed === undefined) return 'nowhere'
    try {
      mayHaveEntries = true
      await spool.save({
        id: randomUUID(),
        savedAt: clock.now(),
        payload: cipher.seal(serialize(keepsake)),
      })
      log.record(events.SpoolSaved, { notificationId: keepsake.owed?.id, detail: keepsake.kind })
      return 'spool'
    } catch (error) {
      log.record(events.ScepNotifySaveToDiskFailed, {
        errorCode: error instanceof ConnectorError ? error.code : 'internal/bug',
        errorMessage: describeError(error),
        detail: `neither the store nor the spool takes a ${keepsake.kind}`,
      })
      return 'nowhere'
    }
  }

  // An entry of another data key stays where it is: an administrator may put the key back.
  function openKeepsake(entry: SpoolEntry): Keepsake | undefined {
    try {
      return deserialize(cipher.open(entry.payload)) as Keepsake
    } catch (error) {
      unopenable.add(entry.id)
      journal.record(events.SpoolUnreadable, {
        errorCode: 'key/unreadable',
        errorMessage: describeError(error),
        detail: `${entry.id} is left where it is`,
      })
      return undefined
    }
  }

  return {
    keepCompletion: async (intent, issued, owed, log) =>
      await keep({ kind: 'completion', intent, issued, owed }, log),
    keepAbandonment: async (serialHex, reason, owed, log) =>
      await keep({ kind: 'abandonment', serialHex, reason, owed }, log),
    keepRefusal: async (refusal, owed, log) => await keep({ kind: 'refusal', refusal, owed }, log),

    async replay() {
      if (!mayHaveEntries) return 0
      const { entries, unreadable } = await spool.list()
      for (const name of unreadable) journal.record(events.SpoolUnreadable, { detail: name })
      let replayed = 0
      for (const entry of entries) {
        if (unopenable.has(entry.id)) continue
        const keepsake = openKeepsake(entry)
        if (keepsake === undefined) continue
        await apply(keepsake)
        await spool.remove(entry.id)
        replayed += 1
        journal.record(events.SpoolReplayed, {
          transactionId: keepsake.owed?.transactionId,
          notificationId: keepsake.owed?.id,
          detail: keepsake.kind,
        })
      }
      mayHaveEntries = false
      return replayed
    },
  }
}
