import { events, type Journal } from '../../events/index.ts'
import { ConnectorError, describeError } from '../../kernel/index.ts'
import type { WorkKind } from '../../management/index.ts'
import type { WorkRecord } from '../../store/index.ts'
import { type KeptItem, openProgress } from './work-payload.ts'
import type { WorkPorts } from './work-ports.ts'

/**
 * Has the handler undo what was begun for an item, before the journal forgets how far it had come. A fault of ours on the
 * way, which no repetition mends, is event 99 and holds no item up.
 *
 * @param progress sealed, as the journal has it
 * @throws ConnectorError what may pass, as `store/unavailable`: nothing was undone, and the item must stay as it is
 */
export async function takeBack<K extends WorkKind>(
  item: KeptItem<K>,
  progress: WorkRecord['progress'],
  reason: string,
  ports: WorkPorts<K>,
  log: Journal,
): Promise<void> {
  // What cannot be read was never begun.
  if (item.kind === 'unreadable') return
  const opened = openProgress(progress, ports, log)
  try {
    await ports.handler.takeBack?.({ request: item.request, progress: opened, reason, log })
  } catch (error) {
    if (error instanceof ConnectorError && error.isTransient) throw error
    log.record(events.UnhandledError, {
      errorMessage: describeError(error),
      detail: `what was begun of an item of ${ports.queue.name} could not be taken back: ${reason}`,
    })
  }
}
