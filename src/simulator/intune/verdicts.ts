/** The SCEP actions whose code can be dictated. */
export type ScepAction = 'validate' | 'success' | 'failure'

/** A code that was dictated for the next calls of an action. */
export interface DictatedVerdict {
  readonly action: ScepAction
  /** Any text: the service may send codes that no list has. */
  readonly code: string
  readonly times: number
}

/** Codes that the next calls answer whatever their content is, in the order in which they were set. */
export class VerdictPlan {
  #verdicts: DictatedVerdict[] = []

  /** Adds one at the end. */
  record(verdict: DictatedVerdict): void {
    this.#verdicts.push(verdict)
  }

  /** Forgets all. */
  clear(): void {
    this.#verdicts = []
  }

  /** What is still to come. */
  list(): readonly DictatedVerdict[] {
    return this.#verdicts
  }

  /** Takes the code for one call, and counts it. */
  take(action: ScepAction): string | undefined {
    const index = this.#verdicts.findIndex((verdict) => verdict.action === action)
    const found = this.#verdicts[index]
    if (!found) return undefined
    if (found.times > 1) this.#verdicts[index] = { ...found, times: found.times - 1 }
    else this.#verdicts.splice(index, 1)
    return found.code
  }
}
