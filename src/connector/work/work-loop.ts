import { randomUUID } from 'node:crypto'
import { describeError } from '../../kernel/index.ts'
import type { LeaseRef, WorkKind } from '../../management/index.ts'
import { createRounds } from '../rounds.ts'
import { createCarryingOut } from './carry-out-work.ts'
import { createClosing } from './close-work.ts'
import { createFetching } from './fetch-work.ts'
import { createHandingIn } from './hand-in-results.ts'
import { openItem } from './work-payload.ts'
import type { WorkLoopOptions, WorkPorts, WorkTally } from './work-ports.ts'

/** What of a queue an operator may want to know. */
export interface WorkFigures {
  readonly queue: string
  readonly depth: {
    readonly received: number
    readonly finished: number
    readonly returned: number
  }
  /** Of those received, how many are carried out at this moment. */
  readonly running: number
  readonly oldestAt: Date | undefined
  readonly outcomes: ReadonlyMap<string, number>
  readonly lastDownload: WorkTally['lastDownload']
}

/** Works off one queue for as long as the connector runs. */
export interface WorkLoop {
  /** Of the queue. */
  readonly name: string
  /** Frees what this instance had under way when it died, then begins. */
  start(): Promise<void>
  /** @throws ConnectorError `store/unavailable` */
  readonly figures: () => Promise<WorkFigures>
  /**
   * Downloads nothing more, finishes what runs, tries once more to upload, gives back what was not begun. Nothing is
   * lost: the journal has it.
   */
  stop(): Promise<void>
}

const BATCH = 500

/**
 * The way of an item: downloaded, written down, carried out, its result written down, uploaded, settled, recorded
 * (docs/queues.md). Each step is safe to repeat, and another instance may go on behind any of them.
 *
 * Starts nothing yet; `start` does.
 */
export function createWorkLoop<K extends WorkKind>(
  ports: WorkPorts<K>,
  options: WorkLoopOptions,
): WorkLoop {
  const { queue, items, leases, holder, clock, journal } = ports
  const tally: WorkTally = { outcomes: new Map(), lastDownload: undefined }
  const stopping = new AbortController()
  const drained = new AbortController()
  const signals = { stopping: stopping.signal, drained: drained.signal }
  const fetch = createFetching(ports, options, tally)
  const handIn = createHandingIn(ports, options, tally)
  const close = createClosing(ports, options)
  const carrying = createCarryingOut(ports, options, () => handing.look())

  /** The store is away, mostly: the next round tries again. */
  async function quietly(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      journal.debug('operational', `${queue.name}: ${what} ended early: ${describeError(error)}`)
    }
  }

  const fetching = createRounds(async () => {
    await quietly('download', async () => {
      if (await fetch(signals)) working.look()
    })
  }, options.roundMs)
  const working = createRounds(
    async () => await quietly('carrying out', carrying.look),
    options.roundMs,
  )
  const handing = createRounds(async (isStopping) => {
    await quietly('upload', async () => {
      while ((await handIn(drained.signal)) && !isStopping()) await close()
      await close()
    })
  }, options.roundMs)

  /** Items that hold a lease of the service and were not begun go back to the queue at once. */
  async function giveBack(): Promise<void> {
    if (queue.releaseLeases === undefined) return
    const now = clock.now()
    const until = new Date(now.getTime() + options.leaseSeconds * 1000)
    const records = await items.claim(queue.name, 'received', { holder, now, until }, BATCH)
    const refs = records.flatMap((record): LeaseRef[] => {
      const { lease, requestContext } = openItem(record, ports)
      return lease === undefined ? [] : [{ requestContext, leaseId: lease.id }]
    })
    if (refs.length === 0) return
    const signal = AbortSignal.timeout(options.callMs)
    await queue.releaseLeases(refs, 'drain', { activityId: randomUUID(), signal })
    const ids = records.map(({ id }) => id)
    await items.settle(ids, holder, { state: 'returned', dueAt: until })
  }

  return {
    name: queue.name,
    async start() {
      await items.releaseLeases(queue.name, holder)
      fetching.look()
      working.look()
      handing.look()
    },
    async figures() {
      const { oldestAt, ...depth } = await items.depth(queue.name)
      const { outcomes, lastDownload } = tally
      return {
        queue: queue.name,
        depth,
        running: carrying.count(),
        oldestAt,
        outcomes,
        lastDownload,
      }
    },
    async stop() {
      stopping.abort()
      const timer = setTimeout(() => drained.abort(), options.drainMs)
      await Promise.all([fetching.stop(), working.stop()])
      await carrying.stop(drained.signal)
      await handing.stop()
      await quietly('the last upload', async () => {
        await handIn(drained.signal)
        await close()
      })
      clearTimeout(timer)
      await quietly('giving back', giveBack)
      await quietly('the last release', async () => {
        await items.releaseLeases(queue.name, holder)
        await leases.release(`work/${queue.name}`, holder)
      })
    },
  }
}
