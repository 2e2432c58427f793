import { events, type Journal } from '../events/index.ts'
import { type Clock, describeError } from '../kernel/index.ts'
import type { SupportStatus } from '../management/index.ts'
import { createReminder, type SpokenCheck } from './health-events.ts'

const DAY_MS = 86_400_000

/** Support of the version that runs. The signed list of releases counts; without one, what the service says. */
export interface VersionSupport {
  /** What the signed list says; undefined: there is none. */
  learn(found: SupportStatus | undefined): void
  /** The list cannot be had, or is not to be believed: what it said before stays. */
  fail(error: unknown): void
  /** What the service says of itself, unsigned; undefined: nothing. */
  hear(said: SupportStatus | undefined): void
  current(): SupportStatus | undefined
  /** Never fails the whole: a version without support works on. */
  readonly check: SpokenCheck
}

/**
 * Speaks of a new version once (51), of a version that is deprecated once (69), and of one without support daily (52).
 */
export function createVersionSupport(journal: Journal, clock: Clock): VersionSupport {
  const mayRepeatProblem = createReminder(clock, DAY_MS)
  const mayRepeatEnd = createReminder(clock, DAY_MS)
  let signed: SupportStatus | undefined
  let unsigned: SupportStatus | undefined
  let problem: string | undefined
  let announced: string | undefined
  let deprecatedBefore = false

  const current = (): SupportStatus | undefined => signed ?? unsigned
  const describe = (support: SupportStatus): string =>
    signed === undefined
      ? `the service says: ${describeSupport(support)}`
      : describeSupport(support)

  function speak(): void {
    const support = current()
    if (support === undefined || support.status === 'supported') return
    const detail = describe(support)
    if (announced !== support.latest) journal.record(events.UpdateAvailable, { detail })
    announced = support.latest
    if (support.status === 'deprecated') {
      if (!deprecatedBefore) journal.record(events.VersionSupportChanged, { detail })
      deprecatedBefore = true
    } else if (mayRepeatEnd(detail)) journal.record(events.VersionUnsupported, { detail })
  }

  return {
    current,
    learn(found) {
      signed = found
      problem = undefined
      speak()
    },
    fail(error) {
      problem = describeError(error)
      if (mayRepeatProblem(problem))
        journal.debug('operational', 'the list of releases cannot be had', {
          errorMessage: problem,
        })
    },
    hear(said) {
      unsigned = said
      if (signed === undefined) speak()
    },
    check: {
      name: 'version',
      maxAgeMs: 0,
      timeoutMs: 1000,
      run: async () => {
        const support = current()
        return {
          status:
            problem === undefined && (support?.status ?? 'supported') === 'supported'
              ? 'ok'
              : 'degraded',
          reason: [
            ...(problem === undefined ? [] : [problem]),
            ...(support === undefined ? [] : [describe(support)]),
            ...(problem === undefined && support === undefined ? ['no list of releases'] : []),
          ].join('; '),
        }
      },
    },
  }
}

/** One sentence for people. */
function describeSupport({ status, latest, supportEndsAt, worksUntil }: SupportStatus): string {
  const day = (at: Date | undefined): string => at?.toISOString().slice(0, 10) ?? 'an unknown day'
  switch (status) {
    case 'supported':
      return `supported; the newest version is ${latest}`
    case 'deprecated':
      return `deprecated: version ${latest} is there; supported until ${day(supportEndsAt)}`
    case 'unsupported':
      return `unsupported since ${day(supportEndsAt)}: version ${latest} is there; may stop working on ${day(worksUntil)}`
    case 'blocked':
      return `blocked since ${day(worksUntil)}: the service may refuse this version; version ${latest} is there`
  }
}
