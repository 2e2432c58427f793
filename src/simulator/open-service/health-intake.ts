/** One interval of one metric. */
export interface HealthInterval {
  readonly metricName: string
  readonly startDateTime: string
  readonly endDateTime: string
  readonly successCount: number
  readonly failureCount: number
}

/** A message as it was kept. */
export interface KeptHealthMessage {
  readonly receivedAt: string
  readonly message: Readonly<Record<string, unknown>>
}

/** What connectors reported, one entry an interval. */
export class HealthIntake {
  readonly #intervals = new Map<string, Map<string, HealthInterval>>()
  readonly #messages = new Map<string, KeptHealthMessage[]>()
  #repeated = 0

  /** Keeps a message; an interval that is known already is counted and otherwise ignored. */
  record(
    connectorId: string,
    intervals: readonly HealthInterval[],
    message: KeptHealthMessage,
  ): void {
    const known = this.#intervals.get(connectorId) ?? new Map<string, HealthInterval>()
    this.#intervals.set(connectorId, known)
    for (const interval of intervals) {
      const key = `${interval.metricName} ${interval.startDateTime}`
      if (known.has(key)) this.#repeated += 1
      else known.set(key, interval)
    }
    const messages = this.#messages.get(connectorId) ?? []
    this.#messages.set(connectorId, [...messages, message].slice(-500))
  }

  /** Oldest first. */
  intervalsOf(connectorId: string): readonly HealthInterval[] {
    return [...(this.#intervals.get(connectorId)?.values() ?? [])].sort((a, b) =>
      a.startDateTime < b.startDateTime ? -1 : 1,
    )
  }

  messagesOf(connectorId: string): readonly KeptHealthMessage[] {
    return this.#messages.get(connectorId) ?? []
  }

  /** Intervals that came more than once. */
  get repeated(): number {
    return this.#repeated
  }
}
