import { createPrivateKey } from 'node:crypto'
import type { RandomBytes, Secret } from '../../kernel/index.ts'
import { parseCertificate } from '../../pki/index.ts'
import { createRa, DEFAULT_RA_DAYS } from './authority.ts'
import { removeKeyed, writeKeyed } from './authority-files.ts'
import {
  type Authority,
  type AuthorityRa,
  getManifest,
  loadAuthority,
  loadRa,
} from './authority-folder.ts'
import { commitManifest, listManifests } from './authority-manifest.ts'
import { latestNotAfter } from './issuer-facts.ts'

const DAY_MS = 24 * 3_600_000

/** How RA certificates follow one another. */
export interface RaRenewalOptions {
  readonly now: Date
  readonly random: RandomBytes
  /** Life of a new RA certificate, in days; never beyond the issuing CA. Default 730. */
  readonly raDays?: number
  /** How long a retired key still decrypts, in days. Default 30 (REQ-48). */
  readonly overlapDays?: number
}

/** What `checkRa` found to do. */
export interface RaCheck {
  /** Less than a third of the current certificate's life is left, and a new one would live at least a day longer. */
  readonly isRenewalDue: boolean
  /** Retired keys whose overlap is over. */
  readonly outlived: number
}

/** Looks whether an RA needs a successor, or a retired one has had its time. Reads nothing, changes nothing. */
export function checkRa(authority: Authority, options: RaRenewalOptions): RaCheck {
  const { now } = options
  const current = authority.ras.find(({ isCurrent }) => isCurrent)
  const outlived = authority.ras.filter(({ retiredAt }) => isOutlived(retiredAt, options)).length
  if (!current) return { isRenewalDue: true, outlived }

  const { notBefore, notAfter } = parseCertificate(current.certificateDer)
  const leftMs = notAfter.getTime() - now.getTime()
  const lifeMs = notAfter.getTime() - notBefore.getTime()
  const wantedEnd = now.getTime() + (options.raDays ?? DEFAULT_RA_DAYS) * DAY_MS
  const possibleEnd = latestNotAfter(parseCertificate(authority.issuingDer)).getTime()
  // Near the end of the CA a new RA gains nothing; without this each check would make one.
  const gainsMs = Math.min(wantedEnd, possibleEnd) - notAfter.getTime()
  return { isRenewalDue: leftMs * 3 < lifeMs && gainsMs >= DAY_MS, outlived }
}

/**
 * Does what `checkRa` finds: makes a new RA when one is due, removes retired keys whose overlap is over. Call it at start
 * and once a day; safe in several processes at once.
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
    isRenewalDue || outlived > 0
      ? await advance(authority, passphrase, options, isRenewalDue)
      : authority
  // Each time, since an earlier process may have died between its manifest and its removals.
  await removeOutlived(authority.directory)
  return renewed
}

/**
 * Makes a new RA key and certificate now, whatever the age of the current one, which is retired and keeps decrypting for
 * the overlap.
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
  const rotated = await advance(
    await loadAuthority(directory, passphrase),
    passphrase,
    options,
    true,
  )
  await removeOutlived(directory)
  return rotated
}

async function advance(
  authority: Authority,
  passphrase: Secret,
  options: RaRenewalOptions,
  makesNew: boolean,
): Promise<Authority> {
  const { directory } = authority
  const { generation, manifest } = await getManifest(directory)
  // Somebody else was here since the caller looked: their change may be all that was needed.
  if (generation !== authority.generation) return loadAuthority(directory, passphrase)

  const added = makesNew ? await addRa(authority, passphrase, options) : undefined
  const kept = authority.ras.filter(({ retiredAt }) => !isOutlived(retiredAt, options))
  const ras = added ? [added, ...kept.map((ra) => retire(ra, options.now))] : kept
  const isOurs = await commitManifest(directory, {
    generation: generation + 1,
    manifest: {
      ...manifest,
      ras: ras.map(({ files, retiredAt }) => ({
        ...files,
        retiredAt: retiredAt?.toISOString() ?? null,
      })),
    },
  })
  if (isOurs) return { ...authority, generation: generation + 1, ras }
  if (added) await removeKeyed(directory, added.files)
  return loadAuthority(directory, passphrase)
}

/** Writes a new RA and reads it back, so that nothing is published that a restart could not open. */
async function addRa(
  { directory, issuingDer, issuingKeyPkcs8Der }: Authority,
  passphrase: Secret,
  { now, random, raDays: days = DEFAULT_RA_DAYS }: RaRenewalOptions,
): Promise<AuthorityRa> {
  const key = createPrivateKey({
    key: Buffer.from(issuingKeyPkcs8Der),
    format: 'der',
    type: 'pkcs8',
  })
  const ra = await createRa({ certificateDer: issuingDer, key }, { now, random, days })
  const files = await writeKeyed(directory, 'ra', ra, passphrase, random)
  return loadRa(directory, { ...files, retiredAt: null }, passphrase)
}

function retire(ra: AuthorityRa, now: Date): AuthorityRa {
  return { ...ra, isCurrent: false, retiredAt: ra.retiredAt ?? now }
}

/** Removes RA files that an earlier manifest named and the newest one does not. */
async function removeOutlived(directory: string): Promise<void> {
  const history = await listManifests(directory)
  const living = new Set(history.at(-1)?.manifest.ras.map(({ key }) => key))
  for (const { manifest } of history) {
    for (const files of manifest.ras) {
      if (!living.has(files.key)) await removeKeyed(directory, files)
    }
  }
}

function isOutlived(retiredAt: Date | undefined, options: RaRenewalOptions): boolean {
  if (retiredAt === undefined) return false
  const overlapMs = (options.overlapDays ?? 30) * DAY_MS
  return retiredAt.getTime() + overlapMs <= options.now.getTime()
}
