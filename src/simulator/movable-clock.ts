import type { Clock } from '../kernel/index.ts'

/** Another clock plus a shift. Ages what the simulator issued: tokens, challenges and the cool-down of revocations. */
export class MovableClock implements Clock {
  readonly base: Clock
  #shiftMs = 0

  /** @param base the clock that is shifted; client assertions are judged by it, for the client made them by its own clock */
  constructor(base: Clock) {
    this.base = base
  }

  now(): Date {
    return new Date(this.base.now().getTime() + this.#shiftMs)
  }

  /** Moves forward, or backward when negative. Shifts add up. */
  advance(minutes: number): void {
    this.#shiftMs += minutes * 60_000
  }
}
