import type { Journal } from '../../events/index.ts'
import type { WorkKind } from '../../management/index.ts'
import type { WorkRecord } from '../../store/index.ts'
import { type KeptItem, openProgress } from './work-payload.ts'
import type { WorkPorts } from './work-ports.ts'

/**
 * Has the handler undo what was begun for an item, before the journal forgets how far it had come.
 *
 * @param progress sealed, as the journal has it
 * @throws ConnectorError `store/unavailable` nothing was undone: the item must stay as it is
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
  await ports.handler.takeBack?.({ request: item.request, progress: opened, reason, log })
}
