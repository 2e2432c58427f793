import { ConnectorError, describeError } from '../../kernel/index.ts'

/** One thing that was tried. */
export interface Finding {
  readonly name: string
  /** `doubtful`: it works, or cannot be told, and an administrator should look. */
  readonly status: 'ok' | 'doubtful' | 'failed'
  readonly reason: string
  /** What to do; absent where all is well. */
  readonly remedy?: string
}

/** Something to try. Changes nothing anywhere. */
export interface Probe {
  readonly name: string
  /** What the administrator can do, by the code of the failure; `''` for every other. */
  readonly remedies: Readonly<Record<string, string>>
  readonly run: (signal: AbortSignal) => Promise<Omit<Finding, 'name'>>
}

const PROBE_MS = 30_000

/** Tries one. A failure becomes a finding. */
export async function runProbe({ name, remedies, run }: Probe): Promise<Finding> {
  try {
    return { name, ...(await run(AbortSignal.timeout(PROBE_MS))) }
  } catch (error) {
    const code = error instanceof ConnectorError ? error.code : ''
    const remedy = remedies[code] ?? remedies['']
    return {
      name,
      status: 'failed',
      reason: describeError(error),
      ...(remedy === undefined ? {} : { remedy }),
    }
  }
}
