import type { WorkItems, WorkRecord } from '../../src/store/index.ts'
import type { Gate } from './memory-store.ts'

/** A row of the journal in memory. */
export type WorkRow = { -readonly [Key in keyof WorkRecord]: WorkRecord[Key] } & {
  holder: string | undefined
  leaseUntil: Date | undefined
}

type Kind = 'new' | 'again' | 'known'

/** Removes what was closed and recorded before; tells how many. */
export function forgetWork(rows: Map<string, WorkRow>, before: Date): number {
  const old = [...rows.values()].filter(
    ({ closedAt, isRecorded }) => isRecorded && closedAt !== undefined && closedAt < before,
  )
  for (const { id } of old) rows.delete(id)
  return old.length
}

/** The journal of the work queues in a Map. */
export function createMemoryWork(gate: Gate, rows: Map<string, WorkRow>): WorkItems {
  const all = () => [...rows.values()].toSorted((a, b) => a.dueAt.getTime() - b.dueAt.getTime())
  const isOpen = ({ state }: WorkRow) => state !== 'closed'

  function change(
    ids: readonly string[],
    holder: string,
    how: (row: WorkRow) => Partial<WorkRow>,
  ): readonly string[] {
    return ids.filter((id) => {
      const row = rows.get(id)
      if (row === undefined || row.holder !== holder) return false
      Object.assign(row, how(row))
      return true
    })
  }
  const isFree = { holder: undefined, leaseUntil: undefined }

  return {
    async receive(items) {
      gate.write('work.receive')
      return items.flatMap((item): readonly { id: string; contextHash: string; kind: Kind }[] => {
        const known = [...rows.values()].find(
          (row) => row.queue === item.queue && row.contextHash === item.contextHash,
        )
        const { contextHash } = item
        if (known === undefined) {
          rows.set(item.id, {
            ...structuredClone(item),
            ...isFree,
            state: 'received',
            progress: undefined,
            result: undefined,
            summary: undefined,
            tries: 0,
            lastError: undefined,
            dueAt: item.receivedAt,
            openedAt: item.receivedAt,
            closedAt: undefined,
            isRecorded: false,
          })
          return [{ id: item.id, contextHash, kind: 'new' }]
        }
        if (item.attempt < known.attempt) return []
        const hasEnded = known.state === 'returned' || known.state === 'closed'
        Object.assign(known, { attempt: item.attempt, payload: structuredClone(item.payload) })
        if (hasEnded)
          Object.assign(known, {
            state: 'received',
            tries: 0,
            summary: undefined,
            dueAt: item.receivedAt,
            openedAt: item.receivedAt,
            closedAt: undefined,
          })
        return [{ id: known.id, contextHash, kind: hasEnded ? 'again' : 'known' }]
      })
    },
    async claim(queue, state, { holder, now, until }, limit) {
      gate.write('work.claim')
      const due = all()
        .filter((row) => row.queue === queue && row.state === state && row.dueAt <= now)
        .filter(({ leaseUntil }) => leaseUntil === undefined || leaseUntil <= now)
        .slice(0, limit)
      for (const row of due) Object.assign(row, { holder, leaseUntil: until })
      return due.map(recordOf)
    },
    async prolong(ids, holder, until) {
      gate.write('work.prolong')
      return change(ids, holder, () => ({ leaseUntil: until }))
    },
    async advance(id, holder, progress) {
      gate.write('work.advance')
      return change([id], holder, () => ({ progress: structuredClone(progress) })).length === 1
    },
    async finish(id, holder, { result, summary, at }) {
      gate.write('work.finish')
      if (rows.get(id)?.state !== 'received') return false
      const finished = { result: structuredClone(result), summary, dueAt: at }
      return (
        change([id], holder, () => ({
          ...isFree,
          ...finished,
          state: 'finished',
          tries: 0,
          lastError: undefined,
        })).length === 1
      )
    },
    async postpone(ids, holder, { dueAt, error }) {
      gate.write('work.postpone')
      change(ids, holder, ({ tries }) => ({
        ...isFree,
        dueAt,
        lastError: error,
        tries: tries + 1,
      }))
    },
    async free(ids, holder) {
      gate.write('work.free')
      change(ids, holder, () => isFree)
    },
    async settle(ids, holder, end) {
      gate.write('work.settle')
      return change(ids, holder, ({ summary, attempt, openedAt }) =>
        end.state === 'returned'
          ? {
              ...isFree,
              result: undefined,
              ...(attempt > (end.attempt ?? attempt)
                ? { state: 'received', dueAt: openedAt }
                : { state: 'returned', dueAt: end.dueAt }),
              summary: end.summary ?? summary,
            }
          : {
              leaseUntil: undefined,
              state: 'closed',
              payload: undefined,
              progress: undefined,
              result: undefined,
              closedAt: end.at,
              summary: end.summary ?? summary,
            },
      )
    },
    async listUnrecorded(queue, holder, limit) {
      gate.read('work.listUnrecorded')
      return [...rows.values()]
        .filter((row) => row.queue === queue && row.holder === holder)
        .filter((row) => row.state === 'closed' && !row.isRecorded)
        .toSorted((a, b) => (a.closedAt?.getTime() ?? 0) - (b.closedAt?.getTime() ?? 0))
        .slice(0, limit)
        .map(recordOf)
    },
    async markRecorded(ids) {
      gate.write('work.markRecorded')
      for (const id of ids) Object.assign(rows.get(id) ?? {}, { isRecorded: true })
    },
    async releaseLeases(queue, holder) {
      gate.write('work.releaseLeases')
      const ids = [...rows.values()]
        .filter((row) => row.queue === queue && isOpen(row))
        .map(({ id }) => id)
      return change(ids, holder, () => isFree).length
    },
    async find(queue, contextHash) {
      gate.read('work.find')
      const row = all().find((each) => each.queue === queue && each.contextHash === contextHash)
      return row === undefined ? undefined : recordOf(row)
    },
    async depth(queue) {
      gate.read('work.depth')
      const open = [...rows.values()].filter((row) => row.queue === queue && isOpen(row))
      const count = (state: WorkRecord['state']) => open.filter((row) => row.state === state).length
      const times = open
        .filter(({ state }) => state !== 'returned')
        .map(({ openedAt }) => openedAt.getTime())
      return {
        received: count('received'),
        finished: count('finished'),
        returned: count('returned'),
        oldestAt: times.length === 0 ? undefined : new Date(Math.min(...times)),
      }
    },
  }
}

function recordOf({ holder: _h, leaseUntil: _l, ...record }: WorkRow): WorkRecord {
  return structuredClone(record)
}
