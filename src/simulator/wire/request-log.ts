import type { Clock } from '../../kernel/index.ts'
import { Ring } from '../ring.ts'
import type { Answer, Call, Hop } from './answer.ts'
import type { FaultKind } from './faults.ts'
import { redactAnswer, redactBody, redactHeaders, redactUrl } from './redact.ts'

/** One call that the simulator saw, without secrets. */
export interface SeenRequest {
  /** Counts from 1 since the start, also over entries that have left. */
  readonly sequence: number
  readonly receivedAt: string
  readonly hop: Hop | 'other'
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  /** Status, headers and body; null while there was none. */
  readonly answer: unknown
  readonly fault: FaultKind | null
}

/** The last 10,000 calls. */
export class RequestLog {
  readonly #seen = new Ring<SeenRequest>(10_000)
  readonly #clock: Clock
  #count = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Keeps a call and its answer. */
  record(hop: Hop | 'other', call: Call, answer: Answer | undefined, fault?: FaultKind): void {
    this.#seen.record({
      sequence: ++this.#count,
      receivedAt: this.#clock.now().toISOString(),
      hop,
      method: call.method,
      url: redactUrl(call),
      headers: redactHeaders(call.headers),
      body: redactBody(call),
      answer: answer === undefined ? null : redactAnswer(answer),
      fault: fault ?? null,
    })
  }

  /** Oldest first. */
  list(): readonly SeenRequest[] {
    return this.#seen.list()
  }
}
