import type { Clock } from '../../kernel/index.ts'
import { BoundedMap } from '../ring.ts'
import type { Answer } from '../wire/answer.ts'

const keptForMs = 24 * 3_600_000

/** Answers by `Idempotency-Key`, for a day: the same upload again gets the same answer and has no second effect. */
export class IdempotencyStore {
  readonly #clock: Clock
  readonly #answers = new BoundedMap<string, { answer: Answer; until: number }>(100_000)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The answer of before, or what `work` answers now; failures are not kept. */
  once(key: string, work: () => Answer): Answer {
    const now = this.#clock.now().getTime()
    const earlier = this.#answers.get(key)
    if (earlier && earlier.until > now) return earlier.answer
    const answer = work()
    if (answer.status < 300) this.#answers.set(key, { answer, until: now + keptForMs })
    return answer
  }
}
