import type { Clock } from '../../kernel/index.ts'
import { describeError } from '../../kernel/index.ts'

/** One thing that must work. `run` throws or tells; a thrown error is a failure with its description as reason. */
export interface HealthCheck {
  readonly name: string
  run(signal: AbortSignal): Promise<HealthFinding>
  /** How long a finding is good, in milliseconds; a failure is looked at again after 5,000 at the latest. */
  readonly maxAgeMs: number
  /** How long `run` may take, in milliseconds. */
  readonly timeoutMs: number
}

/** `degraded` works but wants attention; only `failed` makes the connector not ready. */
export interface HealthFinding {
  readonly status: 'ok' | 'degraded' | 'failed'
  /** For people; no secrets. */
  readonly reason: string
}

export interface HealthResult extends HealthFinding {
  readonly name: string
  readonly checkedAt: Date
}

/** One blip must not keep a balancer away for as long as a good finding lasts. */
const FAILURE_AGE_MS = 5000

/**
 * The list of named checks behind `/readyz`, the status page and the heartbeat. A finding is kept for its age, and
 * callers who come at the same time share one run, so that a probe that knocks every second costs nothing.
 */
export function createHealth(
  checks: readonly HealthCheck[],
  clock: Clock,
): { check(): Promise<readonly HealthResult[]> } {
  const kept = new Map<string, HealthResult>()
  const running = new Map<string, Promise<HealthResult>>()

  async function run(check: HealthCheck): Promise<HealthResult> {
    let finding: HealthFinding
    try {
      const signal = AbortSignal.timeout(check.timeoutMs)
      finding = await Promise.race([check.run(signal), rejectOnAbort(signal, check.timeoutMs)])
    } catch (error) {
      finding = { status: 'failed', reason: describeError(error) }
    }
    const result = { ...finding, name: check.name, checkedAt: clock.now() }
    kept.set(check.name, result)
    return result
  }

  return {
    async check() {
      return await Promise.all(
        checks.map(async (check) => {
          const last = kept.get(check.name)
          const age = clock.now().getTime() - (last?.checkedAt.getTime() ?? 0)
          if (last !== undefined && age >= 0 && age < goodForMs(check, last)) return last
          const started =
            running.get(check.name) ?? run(check).finally(() => running.delete(check.name))
          running.set(check.name, started)
          return await started
        }),
      )
    },
  }
}

function goodForMs({ maxAgeMs }: HealthCheck, { status }: HealthFinding): number {
  return status === 'failed' ? Math.min(maxAgeMs, FAILURE_AGE_MS) : maxAgeMs
}

async function rejectOnAbort(signal: AbortSignal, timeoutMs: number): Promise<never> {
  return await new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error(`no answer within ${timeoutMs} ms`)), {
      once: true,
    })
  })
}
