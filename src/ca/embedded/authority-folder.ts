import { ConnectorError, type Secret } from '../../kernel/index.ts'
import { makePrivateDirectory } from '../../keys/index.ts'
import { parseCertificate } from '../../pki/index.ts'
import { isIssuedBy } from '../issued-by.ts'
import { type AuthorityOptions, createAuthority } from './authority.ts'
import {
  type KeyedFiles,
  loadCertificate,
  loadKeyed,
  removeKeyed,
  writeKeyed,
} from './authority-files.ts'
import { commitManifest, findManifest, type NumberedManifest } from './authority-manifest.ts'
import type { AuthorityManifest } from './manifest-schema.ts'
import type { IssuerMaterial } from './signer.ts'

/** An RA key of an authority. What SCEP needs of it has the same shape there. Memory only. */
export interface AuthorityRa {
  readonly certificateDer: Uint8Array
  readonly keyPkcs8Der: Uint8Array
  /** The one to publish. Others are retired, in their overlap: they only decrypt. */
  readonly isCurrent: boolean
  readonly retiredAt: Date | undefined
  /** Where it lies in the folder. */
  readonly files: KeyedFiles
}

/** An authority as loaded from its folder: checked, keys in the clear. Memory only. */
export interface Authority {
  readonly directory: string
  /** Rises with every change of the folder. */
  readonly generation: number
  readonly rootDer: Uint8Array
  readonly issuingDer: Uint8Array
  readonly issuingKeyPkcs8Der: Uint8Array
  /** The current one first. */
  readonly ras: readonly AuthorityRa[]
}

/**
 * Loads an authority. The root's key is not needed and not read: it may have been taken away.
 *
 * @throws ConnectorError `key/unreadable` no authority in the folder, a file that cannot be read, or another passphrase
 * @throws ConnectorError `ca/misconfigured` the files do not belong together
 */
export async function loadAuthority(directory: string, passphrase: Secret): Promise<Authority> {
  return loadNumbered(directory, passphrase, await getManifest(directory))
}

/**
 * Loads the authority of a folder, or makes one where there is none. Safe to repeat, and safe when several processes
 * start at once: one wins, the others load what it made.
 *
 * @param options used only when a new one is made
 * @throws ConnectorError as `loadAuthority` and `createAuthority`
 */
export async function initAuthority(
  directory: string,
  passphrase: Secret,
  options: AuthorityOptions,
): Promise<{ readonly authority: Authority; readonly isNew: boolean }> {
  const found = await findManifest(directory)
  if (found) return { authority: await loadNumbered(directory, passphrase, found), isNew: false }

  const made = await createAuthority(options)
  await makePrivateDirectory(directory)
  const { random } = options
  const root = await writeKeyed(directory, 'root', made.root, passphrase, random)
  const issuing = await writeKeyed(directory, 'issuing', made.issuing, passphrase, random)
  const ra = await writeKeyed(directory, 'ra', made.ra, passphrase, random)
  const isNew = await commitManifest(directory, {
    generation: 1,
    manifest: {
      version: 1,
      createdAt: options.now.toISOString(),
      root,
      issuing,
      ras: [{ ...ra, retiredAt: null }],
    },
  })
  if (!isNew) for (const files of [root, issuing, ra]) await removeKeyed(directory, files)
  return { authority: await loadAuthority(directory, passphrase), isNew }
}

/**
 * What a signer needs of an authority.
 *
 * @param pointers written into issued certificates; undefined leaves them out
 */
export function getIssuerMaterial(
  authority: Authority,
  caId: string,
  pointers: Pick<IssuerMaterial, 'caIssuersUrl' | 'crlUrl' | 'ocspUrl' | 'allowsSidExtension'>,
): IssuerMaterial {
  return {
    caId,
    certificateDer: authority.issuingDer,
    keyPkcs8Der: authority.issuingKeyPkcs8Der,
    ...pointers,
  }
}

/**
 * The newest manifest of a folder that must have one.
 *
 * @throws ConnectorError `key/unreadable`
 */
export async function getManifest(directory: string): Promise<NumberedManifest> {
  const found = await findManifest(directory)
  if (found) return found
  throw new ConnectorError(
    'key/unreadable',
    `${directory} holds no authority; make one with: certconnector ca init`,
  )
}

async function loadNumbered(
  directory: string,
  passphrase: Secret,
  found: NumberedManifest,
): Promise<Authority> {
  const { generation, manifest } = found
  try {
    const rootDer = await loadCertificate(directory, manifest.root.certificate)
    const issuing = await loadKeyed(directory, manifest.issuing, passphrase)
    const ras: AuthorityRa[] = []
    for (const files of manifest.ras) {
      ras.push(await loadRa(directory, files, passphrase))
    }
    verifyIssuer(issuing.certificateDer, rootDer, directory)
    for (const ra of ras) verifyIssuer(ra.certificateDer, issuing.certificateDer, directory)
    return {
      directory,
      generation,
      rootDer,
      issuingDer: issuing.certificateDer,
      issuingKeyPkcs8Der: new Uint8Array(issuing.key.export({ format: 'der', type: 'pkcs8' })),
      ras: ras.toSorted((a, b) => Number(b.isCurrent) - Number(a.isCurrent)),
    }
  } catch (cause) {
    // Another process may have changed the folder while we read: files of the old generation are gone then.
    const newer = await findManifest(directory)
    if (newer && newer.generation > generation) return loadNumbered(directory, passphrase, newer)
    throw cause
  }
}

/**
 * Reads one RA of a manifest.
 *
 * @throws ConnectorError as `loadKeyed`
 */
export async function loadRa(
  directory: string,
  { certificate, key: keyName, retiredAt }: AuthorityManifest['ras'][number],
  passphrase: Secret,
): Promise<AuthorityRa> {
  const files = { certificate, key: keyName }
  const { certificateDer, key } = await loadKeyed(directory, files, passphrase)
  return {
    certificateDer,
    keyPkcs8Der: new Uint8Array(key.export({ format: 'der', type: 'pkcs8' })),
    isCurrent: retiredAt === null,
    retiredAt: retiredAt === null ? undefined : new Date(retiredAt),
    files,
  }
}

function verifyIssuer(certificateDer: Uint8Array, issuerDer: Uint8Array, directory: string): void {
  const certificate = parseCertificate(certificateDer)
  const issuer = parseCertificate(issuerDer)
  if (isIssuedBy(certificate, issuer)) return
  throw new ConnectorError(
    'ca/misconfigured',
    `${directory}: the certificate of ${certificate.subject} was not issued by ${issuer.subject}; ` +
      'restore the whole folder from one backup',
  )
}
