import { FULL_CRL } from '../ca/index.ts'
import type { CaFile } from '../http/index.ts'
import type { Clock } from '../kernel/index.ts'
import type { CrlRegister } from '../store/index.ts'

/** How long caches may keep a CRL (ca-backends 12.1). */
const MAX_AGE_SECONDS = 3600

type CrlInForce = NonNullable<Awaited<ReturnType<CrlRegister['current']>>>

/**
 * The CRLs as HTTP gives them away. Each is read from the store once a publication: a large one would be megabytes a
 * request. Whether there is a newer one, made here or by another instance, is looked up every time, which is one row.
 *
 * @returns finds a CRL by its CA and the name of the part; undefined: there is none
 */
export function createCrlFiles(
  crls: Pick<CrlRegister, 'status' | 'current'>,
  clock: Clock,
): (caId: string, part?: string) => Promise<CaFile | undefined> {
  const known = new Map<
    string,
    { readonly number: number; readonly parts: Map<string, CrlInForce> }
  >()

  async function find(caId: string, part: string): Promise<CrlInForce | undefined> {
    const { published } = await crls.status(caId)
    if (published === undefined) return undefined
    const { number } = published
    const kept = known.get(caId)
    const inForce = kept?.number === number ? kept : { number, parts: new Map() }
    known.set(caId, inForce)
    const found = inForce.parts.get(part) ?? (await crls.current(caId, part))
    // A publication that came in between has another number: it is asked for again with the next request.
    if (found?.number === number) inForce.parts.set(part, found)
    return found
  }

  return async (caId, part = FULL_CRL) => {
    const crl = await find(caId, part)
    if (crl === undefined) return undefined
    const leftSeconds = Math.floor((crl.nextUpdate.getTime() - clock.now().getTime()) / 1000)
    return {
      bytes: crl.der,
      lastModified: crl.thisUpdate,
      maxAgeSeconds: Math.max(0, Math.min(MAX_AGE_SECONDS, leftSeconds)),
    }
  }
}
