/** Keeps the last `capacity` entries, so that a load test cannot fill the memory. */
export class Ring<T> {
  readonly #capacity: number
  #entries: T[] = []
  #next = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** Adds one; the oldest leaves when there is no room. */
  record(entry: T): void {
    this.#entries[this.#next] = entry
    this.#next = (this.#next + 1) % this.#capacity
  }

  /** All that is kept, oldest first. */
  list(): T[] {
    if (this.#entries.length < this.#capacity) return [...this.#entries]
    return [...this.#entries.slice(this.#next), ...this.#entries.slice(0, this.#next)]
  }
}

/** A map of at most `capacity` entries; the oldest leaves when there is no room. */
export class BoundedMap<K, V> extends Map<K, V> {
  readonly #capacity: number

  constructor(capacity: number) {
    super()
    this.#capacity = capacity
  }

  override set(key: K, value: V): this {
    super.set(key, value)
    if (this.size > this.#capacity) {
      const oldest = this.keys().next()
      if (!oldest.done) this.delete(oldest.value)
    }
    return this
  }
}
