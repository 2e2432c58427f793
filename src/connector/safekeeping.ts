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
import { createTurns } from './turns.ts'

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
   * Brings spooled entries into the store, oldest first; stops when the store is away. An entry leaves the spool after
   * its transaction, and doing it twice changes nothing, so a crash in between is harmless. An entry that does not open,
   * or that contradicts the store, is reported once and left where it is.
   *
   * @returns entries replayed
   * @throws ConnectorError `store/unavailable`, `spool/unavailable`
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
  const setAsideIds = new Set<string>()
  const turns = createTurns()

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
      // What the store will never take (another certificate has this serial) would lie in the spool for ever.
      if (!isOutage(error)) return recordUnkept(keepsake, error, log)
    }
    // A bare refusal owes nothing to anybody and stands in the log; a flood of them must not fill the disk.
    if (keepsake.kind === 'refusal' && keepsake.owed === undefined) return 'nowhere'
    try {
      await spool.save({
        id: randomUUID(),
        savedAt: clock.now(),
        payload: cipher.seal(serialize(keepsake)),
      })
      // Not before: a replay that ran beside it may have looked already.
      mayHaveEntries = true
      log.record(events.SpoolSaved, { notificationId: keepsake.owed?.id, detail: keepsake.kind })
      return 'spool'
    } catch (error) {
      return recordUnkept(keepsake, error, log)
    }
  }

  function recordUnkept(keepsake: Keepsake, error: unknown, log: Journal): KeptIn {
    log.record(events.ScepNotifySaveToDiskFailed, {
      errorCode: error instanceof ConnectorError ? error.code : 'internal/bug',
      errorMessage: describeError(error),
      detail: `neither the store nor the spool takes a ${keepsake.kind}`,
    })
    return 'nowhere'
  }

  // An entry of another data key, or one that contradicts the store, stays where it is: an administrator decides.
  function setAside({ id }: SpoolEntry, error: unknown): void {
    setAsideIds.add(id)
    journal.record(events.SpoolUnreadable, {
      errorCode: error instanceof ConnectorError ? error.code : 'key/unreadable',
      errorMessage: describeError(error),
      detail: `${id} is left where it is`,
    })
  }

  /** Gives what an entry held; undefined when it was set aside. */
  async function replayEntry(entry: SpoolEntry): Promise<Keepsake | undefined> {
    let keepsake: Keepsake
    try {
      keepsake = deserialize(cipher.open(entry.payload)) as Keepsake
      await apply(keepsake)
    } catch (error) {
      if (isOutage(error)) throw error
      setAside(entry, error)
      return undefined
    }
    await spool.remove(entry.id)
    return keepsake
  }

  async function replayAll(): Promise<number> {
    if (!mayHaveEntries) return 0
    mayHaveEntries = false
    let replayed = 0
    try {
      const { entries, unreadable } = await spool.list()
      for (const name of unreadable) journal.record(events.SpoolUnreadable, { detail: name })
      for (const entry of entries) {
        const keepsake = setAsideIds.has(entry.id) ? undefined : await replayEntry(entry)
        if (keepsake === undefined) continue
        replayed += 1
        journal.record(events.SpoolReplayed, {
          transactionId: keepsake.owed?.transactionId,
          notificationId: keepsake.owed?.id,
          detail: keepsake.kind,
        })
      }
    } catch (error) {
      mayHaveEntries = true
      throw error
    }
    // A list has a limit: there may be more behind what was replayed.
    if (replayed > 0) mayHaveEntries = true
    return replayed
  }

  return {
    keepCompletion: async (intent, issued, owed, log) =>
      await keep({ kind: 'completion', intent, issued, owed }, log),
    keepAbandonment: async (serialHex, reason, owed, log) =>
      await keep({ kind: 'abandonment', serialHex, reason, owed }, log),
    keepRefusal: async (refusal, owed, log) => await keep({ kind: 'refusal', refusal, owed }, log),

    // One after the other: who asks for a replay relies on what was spooled before being in the store afterwards.
    replay: async () => await turns.take('replay', replayAll),
  }
}

/** The store is away, and nothing was written; later it may be. */
function isOutage(error: unknown): boolean {
  return error instanceof ConnectorError && error.code === 'store/unavailable'
}
