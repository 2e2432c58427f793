import { hash } from 'node:crypto'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { type PublicKeySummary, parseCertificate } from '../../pki/index.ts'
import { type AuthorityRole, type KeyedFiles, loadCertificate } from './authority-files.ts'
import { getManifest } from './authority-folder.ts'
import { findManifest } from './authority-manifest.ts'
import { caIdOf, findCurrent, findNext, type GenerationTimes } from './generation-times.ts'
import type { ManifestGeneration } from './manifest-schema.ts'

/** One certificate of an authority, as an administrator sees it. Nothing in it is secret. */
export interface CertificateDescription {
  readonly role: AuthorityRole
  /** Set for an RA that was replaced: since when. */
  readonly retiredAt: Date | undefined
  readonly certificateDer: Uint8Array
  /** RFC 4514 text. */
  readonly subject: string
  readonly issuer: string
  readonly serialHex: string
  readonly notBefore: Date
  readonly notAfter: Date
  readonly publicKey: PublicKeySummary
  /** Upper-case hexadecimal; the one that Intune and Windows call the thumbprint. */
  readonly sha1Hex: string
  readonly sha256Hex: string
  readonly certificatePath: string
  readonly keyPath: string
  /** False for a key that was taken away, as the root's should be. */
  readonly hasKeyFile: boolean
}

/** What a generation of a CA is at a moment. */
export type GenerationState = 'current' | 'next' | 'previous' | 'cancelled'

/** One generation as its files show it. */
export interface GenerationDescription extends GenerationTimes {
  readonly state: GenerationState
  /** Root, issuing CA, current RAs, retired RAs. */
  readonly certificates: readonly CertificateDescription[]
}

/** An authority as its folder shows it without the passphrase. */
export interface AuthorityDescription {
  readonly directory: string
  readonly revision: number
  readonly createdAt: Date
  /** In the order of their numbers. */
  readonly generations: readonly GenerationDescription[]
}

/**
 * Describes an authority without opening any key.
 *
 * @throws ConnectorError `key/unreadable` no authority in the folder, or a file that cannot be read
 * @throws ConnectorError `ca/misconfigured`, `pki/malformed` a file that is not what it should be
 */
export async function describeAuthority(
  directory: string,
  now: Date,
): Promise<AuthorityDescription> {
  const { revision, manifest } = await getManifest(directory)
  const generations = await Promise.all(
    manifest.generations.map((one) => describeGeneration(directory, one)),
  )
  const currentNumber = findCurrent(generations, now).number
  const nextNumber = findNext(generations, now)?.number
  const stateOf = ({ number, cancelledAt }: GenerationTimes): GenerationState => {
    if (number === currentNumber) return 'current'
    if (number === nextNumber) return 'next'
    return cancelledAt === undefined ? 'previous' : 'cancelled'
  }
  return {
    directory,
    revision,
    createdAt: new Date(manifest.createdAt),
    generations: generations.map((one) => ({ ...one, state: stateOf(one) })),
  }
}

/**
 * The number of the newest revision of an authority, at the cost of one look at its folder.
 *
 * @throws ConnectorError as `describeAuthority`
 */
export async function getRevision(directory: string): Promise<number> {
  return (await getManifest(directory)).revision
}

/**
 * The ids under which certificates and CRLs of a CA are kept, one a generation. Of a CA that has not been made yet that
 * of its first one.
 *
 * @param id of the CA in the configuration
 * @throws ConnectorError as `describeAuthority`
 */
export async function listCaIds(directory: string, id: string): Promise<readonly string[]> {
  const found = await findManifest(directory)
  return found?.manifest.generations.map(({ number }) => caIdOf(id, number)) ?? [id]
}

async function describeGeneration(
  directory: string,
  { number, handOverAt, cancelledAt, root, issuing, ras }: ManifestGeneration,
): Promise<Omit<GenerationDescription, 'state'>> {
  const describe = (role: AuthorityRole, files: KeyedFiles, retiredAt: string | null) =>
    describeCertificate(directory, role, files, retiredAt)
  const sorted = ras.toSorted((a, b) => Number(a.retiredAt !== null) - Number(b.retiredAt !== null))
  return {
    number,
    handOverAt: handOverAt === null ? undefined : new Date(handOverAt),
    cancelledAt: cancelledAt === null ? undefined : new Date(cancelledAt),
    certificates: await Promise.all([
      describe('root', root, null),
      describe('issuing', issuing, null),
      ...sorted.map((files) => describe('ra', files, files.retiredAt)),
    ]),
  }
}

async function describeCertificate(
  directory: string,
  role: AuthorityRole,
  files: KeyedFiles,
  retiredAt: string | null,
): Promise<CertificateDescription> {
  const certificateDer = await loadCertificate(directory, files.certificate)
  const { subject, issuer, serialHex, notBefore, notAfter, publicKey } =
    parseCertificate(certificateDer)
  const keyPath = join(directory, files.key)
  return {
    role,
    retiredAt: retiredAt === null ? undefined : new Date(retiredAt),
    certificateDer,
    subject,
    issuer,
    serialHex,
    notBefore,
    notAfter,
    publicKey,
    sha1Hex: hash('sha1', certificateDer, 'hex').toUpperCase(),
    sha256Hex: hash('sha256', certificateDer, 'hex').toUpperCase(),
    certificatePath: join(directory, files.certificate),
    keyPath,
    hasKeyFile: await access(keyPath).then(
      () => true,
      () => false,
    ),
  }
}
