/** A version and the day it came out. */
export interface Release {
  readonly version: string
  readonly releasedAt: Date
}

/**
 * Support of a version. Its clock starts when its successor is released: `deprecated` from then on, `unsupported` six
 * months later, `blocked` eighteen months later, from when the service may refuse it.
 */
export interface SupportStatus {
  readonly status: 'supported' | 'deprecated' | 'unsupported' | 'blocked'
  /** The newest release. */
  readonly latest: string
  readonly successorReleasedAt?: Date
  readonly supportEndsAt?: Date
  readonly worksUntil?: Date
}

const GRACE_MONTHS = 6
const WORKS_MONTHS = 18

/**
 * Works out the support of a version. A version that is not in the list is judged by its number.
 *
 * @param releases not empty, in any order
 * @see Microsoft, "Certificate Connector for Microsoft Intune", life cycle: a successor of 4 May 2022 ends the support of
 *   its predecessor on 4 November 2022
 */
export function getSupportStatus(
  version: string,
  releases: readonly Release[],
  now: Date,
): SupportStatus {
  const known = releases
    .filter(({ releasedAt }) => releasedAt <= now)
    .sort((a, b) => compareVersions(a.version, b.version))
  const latest = known.at(-1)?.version ?? version
  const newer = known.filter((release) => compareVersions(release.version, version) > 0)
  const [successor] = newer.sort((a, b) => a.releasedAt.getTime() - b.releasedAt.getTime())
  if (successor === undefined) return { status: 'supported', latest }
  const supportEndsAt = addMonths(successor.releasedAt, GRACE_MONTHS)
  const worksUntil = addMonths(successor.releasedAt, WORKS_MONTHS)
  const status = now < supportEndsAt ? 'deprecated' : now < worksUntil ? 'unsupported' : 'blocked'
  return { status, latest, successorReleasedAt: successor.releasedAt, supportEndsAt, worksUntil }
}

/** Numbers one after the other; missing ones count as 0, and what follows a hyphen or plus sign is ignored. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) =>
    (text.split(/[-+]/, 1)[0] ?? '').split('.').map(Number),
  )
  for (let index = 0; index < 4; index += 1) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** The same day of a later month in UTC, or that month's last day where it has no such day. */
function addMonths(from: Date, months: number): Date {
  const to = new Date(from)
  to.setUTCMonth(to.getUTCMonth() + months)
  if (to.getUTCDate() !== from.getUTCDate()) to.setUTCDate(0)
  return to
}
