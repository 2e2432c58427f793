import { inspect } from 'node:util'

const PLACEHOLDER = '[secret]'

/**
 * Text that must not be printed. Logs, JSON, templates and inspection all show a placeholder; only `reveal` gives the text.
 */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** The text itself. Call it where the secret is used, and nowhere else. */
  reveal(): string {
    return this.#text
  }

  /** Number of UTF-16 units, which may be logged. */
  get length(): number {
    return this.#text.length
  }

  toString(): string {
    return PLACEHOLDER
  }

  toJSON(): string {
    return PLACEHOLDER
  }

  [inspect.custom](): string {
    return PLACEHOLDER
  }
}
