import { type Authority, caIdOf, findCurrent } from '../ca/index.ts'
import { events, type Journal } from '../events/index.ts'

/**
 * Records what has changed between two looks at an authority: RA certificates, a next CA, one that was given up, a
 * hand-over.
 *
 * @param signing number of the generation that issued at the first look
 */
export function recordGenerations(
  id: string,
  before: { readonly authority: Authority; readonly signing: number },
  after: Authority,
  now: Date,
  journal: Journal,
): void {
  const current = findCurrent(after.generations, now)
  for (const generation of after.generations) {
    const caId = caIdOf(id, generation.number)
    const earlier = before.authority.generations.find(({ number }) => number === generation.number)
    if (earlier === undefined) {
      const detail = `hand-over at ${generation.handOverAt?.toISOString()}`
      journal.record(events.NextCaPublished, { caId, detail })
      continue
    }
    if (generation.cancelledAt !== undefined && earlier.cancelledAt === undefined)
      journal.record(events.NextCaCancelled, { caId })
    const known = new Set(earlier.ras.map(({ fingerprintHex }) => fingerprintHex))
    if (generation.ras.some(({ fingerprintHex }) => !known.has(fingerprintHex)))
      journal.record(events.RaRenewed, { caId })
  }
  if (current.number !== before.signing)
    journal.record(events.CaHandedOver, {
      caId: caIdOf(id, current.number),
      detail: `CA ${caIdOf(id, before.signing)} signs its CRLs and OCSP answers on`,
    })
}
