import type { Clock } from '../kernel/index.ts'
import { events } from './catalogue.ts'
import { redactFields, redactText } from './redaction.ts'
import type {
  Channel,
  EventDefinition,
  EventFields,
  EventRecord,
  EventSink,
  Journal,
  JournalIdentity,
  RootJournal,
  SinkHealth,
} from './types.ts'

export interface JournalOptions {
  readonly identity: JournalIdentity
  readonly sinks: readonly EventSink[]
  readonly clock: Clock
  /** Free-text debug lines by channel, switchable later. Default off. */
  readonly debug?: { readonly admin?: boolean; readonly operational?: boolean }
}

/**
 * Makes the journal of a process. Every record is cleaned (`redaction.ts`), numbered and handed to every sink;
 * recording costs microseconds, waits for nothing and does not throw.
 */
export function createJournal(options: JournalOptions): RootJournal {
  const { sinks, clock } = options
  const identity = cleanIdentity(options.identity)
  const debug = {
    admin: options.debug?.admin ?? false,
    operational: options.debug?.operational ?? false,
  }
  let instanceSeq = 0
  let isClosed = false

  function write(
    head: Pick<EventRecord, 'channel' | 'level' | 'message'>,
    event: EventDefinition,
    given: EventFields,
  ): void {
    if (isClosed) return
    const { fields, refused } = redactFields(given)
    const record: EventRecord = {
      timestamp: clock.now(),
      eventId: event.id,
      eventName: event.name,
      channel: head.channel,
      taskCategory: event.taskCategory,
      level: head.level,
      message: head.message,
      ...identity,
      instanceSeq: ++instanceSeq,
      ...fields,
      ...(refused.length === 0 ? {} : { refusedFields: refused.slice(0, 20).join(',') }),
    }
    for (const sink of sinks) sink.write(record)
  }

  function createChild(inherited: EventFields): Journal {
    return {
      record: (event, fields) => write(event, event, { ...inherited, ...fields }),
      debug: (channel, message, fields) => {
        if (!debug[channel]) return
        const head = { channel, level: 'debug', message: redactText(message) } as const
        write(head, events.DebugMessage, { ...inherited, ...fields })
      },
      child: (fields) => createChild({ ...inherited, ...fields }),
    }
  }

  const root = createChild({})
  for (const sink of sinks) {
    sink.onRecovery?.(({ sink: name, droppedLines }) => {
      root.record(events.LogLinesDropped, { detail: name, count: droppedLines })
    })
  }

  return {
    ...root,
    setDebug: (channel: Channel, isOn: boolean) => {
      debug[channel] = isOn
    },
    isDebug: (channel: Channel) => debug[channel],
    flush: async () => {
      await Promise.allSettled(sinks.map((sink) => sink.flush()))
    },
    close: async () => {
      isClosed = true
      await Promise.allSettled(sinks.map((sink) => sink.close()))
    },
    health: () =>
      sinks.flatMap((sink): SinkHealth[] => (sink.health === undefined ? [] : [sink.health()])),
  }
}

function cleanIdentity(identity: JournalIdentity): JournalIdentity {
  return {
    connectorId: redactText(identity.connectorId),
    connectorName: redactText(identity.connectorName),
    connectorVersion: redactText(identity.connectorVersion),
    machineName: redactText(identity.machineName),
    ...(identity.tenantId === undefined ? {} : { tenantId: redactText(identity.tenantId) }),
  }
}
