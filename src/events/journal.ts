import type { Clock } from '../kernel/index.ts'
import { events } from './catalogue.ts'
import { type CleanFields, redactFields, redactText } from './redaction.ts'
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
    inherited: CleanFields,
    given: EventFields = {},
  ): void {
    if (isClosed) return
    const own = redactFields(given)
    const refused = [...inherited.refused, ...own.refused]
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
      ...inherited.fields,
      ...own.fields,
      ...(refused.length === 0 ? {} : { refusedFields: refused.slice(0, 20).join(',') }),
    }
    for (const sink of sinks) sink.write(record)
  }

  // What a child passes on is cleaned once, not with each of its records.
  function createChild(inherited: CleanFields): Journal {
    return {
      record: (event, fields) => write(event, event, inherited, fields),
      debug: (channel, message, fields) => {
        if (!debug[channel]) return
        const head = { channel, level: 'debug', message: redactText(message) } as const
        write(head, events.DebugMessage, inherited, fields)
      },
      child: (fields) => {
        const own = redactFields(fields)
        return createChild({
          fields: { ...inherited.fields, ...own.fields },
          refused: [...inherited.refused, ...own.refused],
        })
      },
    }
  }

  const root = createChild({ fields: {}, refused: [] })
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
