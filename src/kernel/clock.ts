/** What time it is. A parameter everywhere, so that tests and the simulator can move it. */
export interface Clock {
  /** The wall clock. May jump. */
  now(): Date
}

/** The machine's clock. */
export const systemClock: Clock = { now: () => new Date() }
