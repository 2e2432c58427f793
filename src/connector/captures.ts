import { events, type Journal } from '../events/index.ts'
import { type Clock, describeError } from '../kernel/index.ts'
import { type OpenOutcome, redactCsr, redactMessage, type ScepCodec } from '../scep/index.ts'
import type { CaptureFolder, CaptureRecord } from '../store/index.ts'
import type { EnrolmentProfile, ScepEnrolment } from './ports.ts'

/** Longer than any order may say, whatever its file says. */
const MAX_CAPTURE_MS = 24 * 3_600_000
const MAX_MESSAGES = 1000
const FAILURE_PAUSE_MS = 60_000
const MAX_BYTES = 64 * 1024 * 1024

/** A capture that runs. */
interface Session {
  readonly record: CaptureRecord
  readonly endsAt: Date
  messages: number
  bytes: number
}

/** Messages of profiles, kept for reports about clients that do not work (REQ-194). */
export interface Captures {
  /** Begins what was ordered and ends what is over; every few seconds. */
  refresh(): Promise<void>
  /** The same enrolment; while a capture of its profile runs, requests and replies are kept without their challenges. */
  wrap(profile: Pick<EnrolmentProfile, 'name' | 'scep'>, enrol: ScepEnrolment): ScepEnrolment
}

export interface CapturePorts {
  readonly folder: CaptureFolder
  /** Opens a captured message a second time, for its CSR. */
  readonly codec: Pick<ScepCodec, 'open'>
  readonly journal: Journal
  readonly clock: Clock
  /** Takes the writing, so that no device waits for it. */
  readonly background: (work: Promise<unknown>) => void
}

/** One instance for all profiles. Without an order it costs one look into an empty map a request. */
export function createCaptures(ports: CapturePorts): Captures {
  const { folder, codec, journal, clock } = ports
  const sessions = new Map<string, Session>()
  let failedAt = 0

  async function begin(record: CaptureRecord): Promise<void> {
    const { name, profile, until, messages, bytes } = record
    const latest = new Date(clock.now().getTime() + MAX_CAPTURE_MS)
    const endsAt = until < latest ? until : latest
    await folder.mark(name, 'started', clock.now().toISOString())
    sessions.set(profile, { record, endsAt, messages, bytes })
    journal.record(events.CaptureStarted, {
      profile,
      detail: `captures/${name}, until ${endsAt.toISOString()}`,
    })
  }

  async function end(record: CaptureRecord, messages: number, why: string): Promise<void> {
    if (sessions.get(record.profile)?.record.name === record.name) sessions.delete(record.profile)
    await folder.mark(record.name, 'ended', `${clock.now().toISOString()} ${why}`)
    journal.record(events.CaptureEnded, {
      profile: record.profile,
      count: messages,
      detail: `captures/${record.name}: ${why}`,
    })
  }

  async function beginAndEnd(): Promise<void> {
    for (const record of await folder.listOpen()) {
      const session = sessions.get(record.profile)
      const isOurs = session?.record.name === record.name
      const why = whyOver(record)
      if (why !== undefined) await end(record, isOurs ? session.messages : record.messages, why)
      else if (session === undefined) await begin(record)
    }
  }

  function whyOver({ until, isStopped, ...record }: CaptureRecord): string | undefined {
    const session = sessions.get(record.profile)
    const isOurs = session?.record.name === record.name
    if (isStopped) return 'stopped by an operator'
    if ((isOurs ? session.endsAt : until) <= clock.now()) return 'its time is over'
    const { messages, bytes } = isOurs ? session : record
    const isFull =
      messages >= Math.min(record.maxMessages, MAX_MESSAGES) ||
      bytes >= Math.min(record.maxBytes, MAX_BYTES)
    return isFull ? 'it is full' : undefined
  }

  function find(profile: string): Session | undefined {
    const session = sessions.get(profile)
    if (session === undefined) return undefined
    const { messages, bytes } = session
    const record = { ...session.record, messages, bytes }
    return whyOver(record) === undefined ? session : undefined
  }

  async function keep(
    session: Session,
    profile: Pick<EnrolmentProfile, 'name' | 'scep'>,
    messageDer: Uint8Array,
    end: CapturedEnd,
  ): Promise<void> {
    session.messages += 1
    const number = String(session.messages).padStart(4, '0')
    try {
      const opened = await codec.open(messageDer, profile.scep).catch(() => undefined)
      const files = describeExchange(number, messageDer, opened, end)
      for (const bytes of files.values()) session.bytes += bytes.length
      await folder.write(session.record.name, files)
    } catch (error) {
      journal.debug('operational', `message not captured: ${describeError(error)}`)
    }
  }

  return {
    async refresh() {
      if (clock.now().getTime() - failedAt < FAILURE_PAUSE_MS) return
      try {
        await beginAndEnd()
      } catch (error) {
        // Looked at every few seconds, but not told so often.
        failedAt = clock.now().getTime()
        throw error
      }
    },

    wrap: (profile, enrol) => async (messageDer, context) => {
      const session = sessions.size === 0 ? undefined : find(profile.name)
      if (session === undefined) return await enrol(messageDer, context)
      const { requestId } = context
      const at = clock.now()
      try {
        const { replyDer, outcome } = await enrol(messageDer, context)
        ports.background(keep(session, profile, messageDer, { at, requestId, outcome, replyDer }))
        return { replyDer, outcome }
      } catch (error) {
        const failure = describeError(error)
        ports.background(keep(session, profile, messageDer, { at, requestId, failure }))
        throw error
      }
    },
  }
}

interface CapturedEnd {
  readonly at: Date
  readonly requestId: string
  readonly outcome?: string
  readonly failure?: string
  readonly replyDer?: Uint8Array
}

/** The files of one request. Bytes in which no encrypted content is found are kept as they came. */
function describeExchange(
  number: string,
  messageDer: Uint8Array,
  opened: OpenOutcome | undefined,
  { at, requestId, outcome, failure, replyDer }: CapturedEnd,
): ReadonlyMap<string, Uint8Array> {
  const redacted = redactMessage(messageDer)
  const files = new Map([
    redacted === undefined
      ? [`${number}-request.raw`, messageDer]
      : [`${number}-request.der`, redacted],
  ] as [string, Uint8Array][])
  if (opened?.kind === 'opened') files.set(`${number}-csr.der`, redactCsr(opened.request.csr.der))
  const reply = replyDer === undefined ? undefined : redactMessage(replyDer)
  if (reply !== undefined) files.set(`${number}-reply.der`, reply)
  const facts = {
    at,
    requestId,
    outcome,
    failure,
    opened: opened?.kind,
    octets: messageDer.length,
    replyOctets: replyDer?.length,
    isAsReceived: redacted === undefined,
  }
  files.set(`${number}.json`, Buffer.from(`${JSON.stringify(facts, undefined, 2)}\n`))
  return files
}
