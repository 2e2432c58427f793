import { hash } from 'node:crypto'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { type PublicKeySummary, parseCertificate } from '../../pki/index.ts'
import { type AuthorityRole, type KeyedFiles, loadCertificate } from './authority-files.ts'
import { getManifest } from './authority-folder.ts'

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

/** An authority as its folder shows it without the passphrase. */
export interface AuthorityDescription {
  readonly directory: string
  readonly generation: number
  readonly createdAt: Date
  /** Root, issuing CA, current RA, retired RAs. */
  readonly certificates: readonly CertificateDescription[]
}

/**
 * Describes an authority without opening any key.
 *
 * @throws ConnectorError `key/unreadable` no authority in the folder, or a file that cannot be read
 * @throws ConnectorError `ca/misconfigured`, `pki/malformed` a file that is not what it should be
 */
export async function describeAuthority(directory: string): Promise<AuthorityDescription> {
  const { generation, manifest } = await getManifest(directory)
  const describe = (role: AuthorityRole, files: KeyedFiles, retiredAt: string | null) =>
    describeCertificate(directory, role, files, retiredAt)
  const ras = manifest.ras.toSorted(
    (a, b) => Number(a.retiredAt !== null) - Number(b.retiredAt !== null),
  )
  return {
    directory,
    generation,
    createdAt: new Date(manifest.createdAt),
    certificates: await Promise.all([
      describe('root', manifest.root, null),
      describe('issuing', manifest.issuing, null),
      ...ras.map((files) => describe('ra', files, files.retiredAt)),
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
