import { ConnectorError, equalBytes, type Secret } from '../../kernel/index.ts'
import { parseCertificate } from '../../pki/index.ts'
import {
  type AuthorityOptions,
  createIssuing,
  createRas,
  createRoot,
  DEFAULT_RA_DAYS,
  type KeyedCertificate,
} from './authority.ts'
import { type KeyedFiles, loadKeyed, removeKeyed, writeKeyed } from './authority-files.ts'
import {
  type Authority,
  type AuthorityGeneration,
  getManifest,
  loadAuthority,
  loadGeneration,
} from './authority-folder.ts'
import { commitManifest, listManifests } from './authority-manifest.ts'
import { findCurrent, findNext, type GenerationTimes } from './generation-times.ts'
import { latestNotAfter } from './issuer-facts.ts'
import type { AuthorityManifest, ManifestGeneration } from './manifest-schema.ts'

/** How often a change is tried again that another process was faster with. */
const TRIES = 5

export interface RollOverOptions extends AuthorityOptions {
  /** When the next CA becomes the one that issues. Not before `now`. */
  readonly handOverAt: Date
  /** A root of its own for the next CA, instead of the one there is. */
  readonly hasNewRoot: boolean
  /** Common name of the next CA. Default that of `names` with ` G2` and so on. */
  readonly commonName?: string
}

/**
 * Makes the next CA of an authority: a new issuing key and certificate, with RA certificates, under the same root or a new
 * one. From then on it is published, serves requests that are encrypted to its RA, and issues everything from `handOverAt`
 * on. What there was stays: for its CRLs, and to decrypt during the overlap.
 *
 * A crash leaves the old state or the new one: all files are written, and read back, before the manifest names them. Files
 * of a roll-over that was cut off count for nothing, and it can be done again. Of two processes one wins.
 *
 * @throws ConnectorError `ca/refused` there is a next CA already, or dates or name do not fit what there is
 * @throws ConnectorError `key/unreadable` the root's key was taken away, or as `loadAuthority`
 * @throws ConnectorError `ca/misconfigured` a name that does not fit a certificate
 * @see RFC 8894, section 4.7
 */
export async function rollAuthority(
  directory: string,
  passphrase: Secret,
  options: RollOverOptions,
): Promise<void> {
  const authority = await loadAuthority(directory, passphrase)
  refuseSecond(authority.generations, options.now)
  if (options.handOverAt < options.now)
    throw refused(`the hand-over (${options.handOverAt.toISOString()}) has passed already`)
  const number = 1 + (await findHighestNumber(directory))
  const made = await createGeneration(authority, number, passphrase, options)

  const written: KeyedFiles[] = []
  const write = async (role: 'root' | 'issuing' | 'ra', keyed: KeyedCertificate) => {
    const files = await writeKeyed(directory, role, keyed, passphrase, options.random)
    written.push(files)
    return files
  }
  try {
    const root = made.root.files ?? (await write('root', made.root))
    const issuing = await write('issuing', made.issuing)
    const ras: ManifestGeneration['ras'] = []
    for (const ra of made.ras) ras.push({ ...(await write('ra', ra)), retiredAt: null })
    const generation: ManifestGeneration = {
      number,
      handOverAt: options.handOverAt.toISOString(),
      cancelledAt: null,
      root,
      issuing,
      ras,
    }
    await loadGeneration(directory, generation, passphrase)
    await change(directory, ({ generations, ...manifest }) => {
      refuseSecond(generations.map(timesOf), options.now)
      if (generations.some((one) => one.number >= number))
        throw refused('another process rolled this CA over and took it back; try again')
      return { ...manifest, generations: [...generations, generation] }
    })
  } catch (error) {
    // After any other failure nobody knows whether the manifest that names them is there.
    if (error instanceof ConnectorError && error.code === 'ca/refused')
      for (const files of written) await removeKeyed(directory, files)
    throw error
  }
}

/**
 * Gives up the next CA before its hand-over. It is published no more; what it has signed stays in its CRL, and its key
 * with it. Its number is not used again.
 *
 * @throws ConnectorError `ca/refused` there is no next CA; after the hand-over there is no way back
 */
export async function cancelRollOver(directory: string, now: Date): Promise<void> {
  await change(directory, (manifest) => {
    const next = findNext(manifest.generations.map(timesOf), now)
    if (next === undefined)
      throw refused('there is no next CA that waits for its hand-over: nothing to cancel')
    return {
      ...manifest,
      generations: manifest.generations.map((one) =>
        one.number === next.number ? { ...one, cancelledAt: now.toISOString() } : one,
      ),
    }
  })
}

interface MadeGeneration {
  /** With the files of one that is there already. */
  readonly root: KeyedCertificate & { readonly files?: KeyedFiles }
  readonly issuing: KeyedCertificate
  readonly ras: readonly KeyedCertificate[]
}

async function createGeneration(
  { directory, generations }: Authority,
  number: number,
  passphrase: Secret,
  options: RollOverOptions,
): Promise<MadeGeneration> {
  const { now, random, raDays: days = DEFAULT_RA_DAYS, raPair: isPair = false } = options
  const name = options.commonName ?? `${options.names.name} G${number}`
  const own = { ...options, names: { ...options.names, name } }
  const current = findCurrent(generations, now)
  const root = options.hasNewRoot
    ? await createRoot(own)
    : await loadRoot(directory, current, options.handOverAt, passphrase)
  const issuing = await createIssuing(root, own)
  refuseSameName(issuing, generations)
  return { root, issuing, ras: await createRas(issuing, { now, random, days, isPair }) }
}

async function loadRoot(
  directory: string,
  { files }: AuthorityGeneration,
  handOverAt: Date,
  passphrase: Secret,
): Promise<KeyedCertificate & { readonly files: KeyedFiles }> {
  let root: KeyedCertificate
  try {
    root = await loadKeyed(directory, files.root, passphrase)
  } catch (cause) {
    throw new ConnectorError(
      'key/unreadable',
      `the key of the root (${files.root.key}) is needed to sign the next CA; ` +
        'put it back for this command, or take --new-root',
      { cause },
    )
  }
  const end = latestNotAfter(parseCertificate(root.certificateDer))
  if (end > handOverAt) return { ...root, files: files.root }
  throw refused(`the root ends (${end.toISOString()}) before the hand-over; take --new-root`)
}

/** Two issuers of one name would be one for GetCRL, and for all who look for a CRL by name. */
function refuseSameName(
  issuing: KeyedCertificate,
  generations: readonly AuthorityGeneration[],
): void {
  const { subject, subjectDer } = parseCertificate(issuing.certificateDer)
  const isTaken = generations.some(({ issuingDer }) =>
    equalBytes(parseCertificate(issuingDer).subjectDer, subjectDer),
  )
  if (isTaken) throw refused(`${subject} is the name of an earlier CA; choose another with --name`)
}

function refuseSecond(generations: readonly GenerationTimes[], now: Date): void {
  const next = findNext(generations, now)
  if (next === undefined) return
  throw refused(
    `there is a next CA already, whose hand-over is at ${next.handOverAt?.toISOString()}; ` +
      'cancel it with: certconnector ca roll --cancel',
  )
}

/** The highest number of all revisions: one that was removed is not used again either. */
async function findHighestNumber(directory: string): Promise<number> {
  const history = await listManifests(directory)
  return Math.max(
    ...history.flatMap(({ manifest }) => manifest.generations.map(({ number }) => number)),
  )
}

/** Makes a new revision of what the newest one says, also when other processes change the folder meanwhile. */
async function change(
  directory: string,
  next: (manifest: AuthorityManifest) => AuthorityManifest,
): Promise<void> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const { revision, manifest } = await getManifest(directory)
    if (await commitManifest(directory, { revision: revision + 1, manifest: next(manifest) }))
      return
  }
  throw refused('other processes keep changing this CA; try again')
}

function timesOf({ number, handOverAt, cancelledAt }: ManifestGeneration): GenerationTimes {
  return {
    number,
    handOverAt: handOverAt === null ? undefined : new Date(handOverAt),
    cancelledAt: cancelledAt === null ? undefined : new Date(cancelledAt),
  }
}

function refused(message: string): ConnectorError {
  return new ConnectorError('ca/refused', message)
}
