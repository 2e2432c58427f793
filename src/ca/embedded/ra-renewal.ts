import { createPrivateKey } from 'node:crypto'
import type { RandomBytes, Secret } from '../../kernel/index.ts'
import { parseCertificate } from '../../pki/index.ts'
import { createRas, DEFAULT_RA_DAYS } from './authority.ts'
import { removeKeyed, writeKeyed } from './authority-files.ts'
import {
  type Authority,
  type AuthorityGeneration,
  type AuthorityRa,
  getManifest,
  loadAuthority,
  loadRa,
} from './authority-folder.ts'
import { commitManifest, listManifests } from './authority-manifest.ts'
import { findCurrent, findRetirement } from './generation-times.ts'
import { latestNotAfter } from './issuer-facts.ts'
import type { ManifestGeneration } from './manifest-schema.ts'

const DAY_MS = 24 * 3_600_000

/** How RA certificates follow one another. */
export interface RaRenewalOptions {
  readonly now: Date
  readonly random: RandomBytes
  /** Life of a new RA certificate, in days; never beyond the issuing CA. Default 730. */
  readonly raDays?: number
  /** How long a retired key still decrypts, in days. Default 30 (REQ-48). */
  readonly overlapDays?: number
  /** New ones come as a pair, one to encrypt to and one that signs (REQ-39). Default false. */
  readonly raPair?: boolean
}

/** What `checkRa` found to do. */
export interface RaCheck {
  /**
   * A published generation has less than a third of its RA certificate's life left, and a new one would live at least a
   * day longer; or its RA certificate begins in the future, since the clock was set back.
   */
  readonly isRenewalDue: boolean
  /** Retired keys whose overlap is over, and generations whose issuing CA has ended. */
  readonly outlived: number
}

/** Looks whether an RA needs a successor, or something retired has had its time. Reads nothing, changes nothing. */
export function checkRa({ generations }: Authority, options: RaRenewalOptions): RaCheck {
  const plans = generations.map((generation) => planFor(generation, generations, options))
  return {
    isRenewalDue: plans.some(({ isRenewalDue }) => isRenewalDue),
    outlived: plans.reduce((sum, { hasEnded, outlived }) => sum + (hasEnded ? 1 : outlived), 0),
  }
}

/**
 * Does what `checkRa` finds: makes a new RA when one is due, removes retired keys whose overlap is over, and whole
 * generations that have ended. Call it at start and once a day; safe in several processes at once.
 *
 * @returns the authority as it is now; the same object when nothing was to do
 * @throws ConnectorError as `loadAuthority`
 */
export async function renewRa(
  authority: Authority,
  passphrase: Secret,
  options: RaRenewalOptions,
): Promise<Authority> {
  const { isRenewalDue, outlived } = checkRa(authority, options)
  const renewed =
    isRenewalDue || outlived > 0 ? await advance(authority, passphrase, options) : authority
  // Each time, since an earlier process may have died between its manifest and its removals.
  await removeUnnamed(authority.directory)
  return renewed
}

/**
 * Makes a new RA key and certificate of the current generation now, whatever the age of the one there is, which is retired
 * and keeps decrypting for the overlap.
 *
 * A crash leaves the old state or the new one: new files are written before the manifest names them, old ones removed
 * after it has ceased to.
 *
 * @throws ConnectorError as `loadAuthority`
 */
export async function rotateRa(
  directory: string,
  passphrase: Secret,
  options: RaRenewalOptions,
): Promise<Authority> {
  const authority = await loadAuthority(directory, passphrase)
  const { number } = findCurrent(authority.generations, options.now)
  const rotated = await advance(authority, passphrase, options, number)
  await removeUnnamed(directory)
  return rotated
}

interface Plan {
  readonly isRenewalDue: boolean
  readonly outlived: number
  /** Its issuing CA has ended, and with it all that it signed. */
  readonly hasEnded: boolean
}

function planFor(
  generation: AuthorityGeneration,
  generations: readonly AuthorityGeneration[],
  options: RaRenewalOptions,
): Plan {
  const retirement = findRetirement(generation, generations, options.now)
  const issuing = parseCertificate(generation.issuingDer)
  return {
    isRenewalDue: retirement === undefined && isRaDue(generation, issuing, options),
    outlived: generation.ras.filter((ra) => isOutlived(ra, retirement, options)).length,
    hasEnded: retirement !== undefined && issuing.notAfter <= options.now,
  }
}

function isRaDue(
  { ras }: AuthorityGeneration,
  issuing: ReturnType<typeof parseCertificate>,
  { now, raDays = DEFAULT_RA_DAYS }: RaRenewalOptions,
): boolean {
  const current = ras.find(({ isCurrent }) => isCurrent)
  if (!current) return true
  const { notBefore, notAfter } = parseCertificate(current.certificateDer)
  // Made while the clock was far ahead: devices that look at dates take none of its replies for years.
  if (notBefore.getTime() - now.getTime() >= DAY_MS) return true
  const leftMs = notAfter.getTime() - now.getTime()
  const lifeMs = notAfter.getTime() - notBefore.getTime()
  const wantedEnd = now.getTime() + raDays * DAY_MS
  // Near the end of the CA a new RA gains nothing; without this each check would make one.
  const gainsMs = Math.min(wantedEnd, latestNotAfter(issuing).getTime()) - notAfter.getTime()
  return leftMs * 3 < lifeMs && gainsMs >= DAY_MS
}

/** @param rotated number of the generation that gets a new RA in any case */
async function advance(
  authority: Authority,
  passphrase: Secret,
  options: RaRenewalOptions,
  rotated?: number,
): Promise<Authority> {
  const { directory, generations } = authority
  const { revision, manifest } = await getManifest(directory)
  // Somebody else was here since the caller looked: their change may be all that was needed.
  if (revision !== authority.revision) return loadAuthority(directory, passphrase)

  const advanced: AuthorityGeneration[] = []
  const added: AuthorityRa[] = []
  for (const generation of generations) {
    const plan = planFor(generation, generations, options)
    if (plan.hasEnded) continue
    const isMade = plan.isRenewalDue || generation.number === rotated
    const made = isMade ? await addRas(directory, generation, passphrase, options) : []
    added.push(...made)
    const retirement = findRetirement(generation, generations, options.now)
    const kept = generation.ras.filter((ra) => !isOutlived(ra, retirement, options))
    const old = isMade ? kept.map((ra) => retire(ra, options.now)) : kept
    advanced.push({ ...generation, ras: [...made, ...old] })
  }
  const isOurs = await commitManifest(directory, {
    revision: revision + 1,
    manifest: { ...manifest, generations: advanced.map(describeForManifest) },
  })
  if (isOurs) return { ...authority, revision: revision + 1, generations: advanced }
  for (const { files } of added) await removeKeyed(directory, files)
  return loadAuthority(directory, passphrase)
}

function describeForManifest({
  number,
  handOverAt,
  cancelledAt,
  files,
  ras,
}: AuthorityGeneration): ManifestGeneration {
  return {
    number,
    handOverAt: handOverAt?.toISOString() ?? null,
    cancelledAt: cancelledAt?.toISOString() ?? null,
    ...files,
    ras: ras.map((ra) => ({ ...ra.files, retiredAt: ra.retiredAt?.toISOString() ?? null })),
  }
}

/** Writes new RAs and reads them back, so that nothing is published that a restart could not open. */
async function addRas(
  directory: string,
  { issuingDer, issuingKeyPkcs8Der }: AuthorityGeneration,
  passphrase: Secret,
  { now, random, raDays: days = DEFAULT_RA_DAYS, raPair: isPair = false }: RaRenewalOptions,
): Promise<AuthorityRa[]> {
  const key = createPrivateKey({
    key: Buffer.from(issuingKeyPkcs8Der),
    format: 'der',
    type: 'pkcs8',
  })
  const issuing = { certificateDer: issuingDer, key }
  const added: AuthorityRa[] = []
  for (const ra of await createRas(issuing, { now, random, days, isPair })) {
    const files = await writeKeyed(directory, 'ra', ra, passphrase, random)
    added.push(await loadRa(directory, { ...files, retiredAt: null }, passphrase))
  }
  return added
}

function retire(ra: AuthorityRa, now: Date): AuthorityRa {
  return { ...ra, isCurrent: false, retiredAt: ra.retiredAt ?? now }
}

/** Removes files that an earlier manifest named and the newest one does not. */
async function removeUnnamed(directory: string): Promise<void> {
  const history = (await listManifests(directory)).map(({ manifest }) =>
    manifest.generations.flatMap(({ root, issuing, ras }) => [root, issuing, ...ras]),
  )
  const living = new Set(history.at(-1)?.map(({ key }) => key))
  for (const files of history.flat()) {
    if (!living.has(files.key)) await removeKeyed(directory, files)
  }
}

function isOutlived(
  { retiredAt }: AuthorityRa,
  retirement: Date | undefined,
  { now, overlapDays = 30 }: RaRenewalOptions,
): boolean {
  const since = retiredAt ?? retirement
  return since !== undefined && since.getTime() + overlapDays * DAY_MS <= now.getTime()
}
