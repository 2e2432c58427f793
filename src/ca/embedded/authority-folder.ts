import { hash } from 'node:crypto'
import { ConnectorError, type Secret, toHex } from '../../kernel/index.ts'
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
import type { GenerationTimes } from './generation-times.ts'
import type { ManifestGeneration } from './manifest-schema.ts'
import type { IssuerMaterial } from './signer.ts'

/** An RA key of an authority. What SCEP needs of it has the same shape there. Memory only. */
export interface AuthorityRa {
  readonly certificateDer: Uint8Array
  /** SHA-256, upper-case hexadecimal. */
  readonly fingerprintHex: string
  readonly keyPkcs8Der: Uint8Array
  /** To publish while its generation is. Others are retired, in their overlap: they only decrypt. */
  readonly isCurrent: boolean
  readonly retiredAt: Date | undefined
  /** Where it lies in the folder. */
  readonly files: KeyedFiles
}

/**
 * One CA of an authority: an issuing key with its chain and its RA keys. One follows the other by roll-over. Memory only.
 */
export interface AuthorityGeneration extends GenerationTimes {
  readonly rootDer: Uint8Array
  readonly issuingDer: Uint8Array
  readonly issuingKeyPkcs8Der: Uint8Array
  /** Current ones first, of those the one that decrypts; none once the generation and their overlap are over. */
  readonly ras: readonly AuthorityRa[]
  readonly files: { readonly root: KeyedFiles; readonly issuing: KeyedFiles }
}

/** An authority as loaded from its folder: checked, keys in the clear. Memory only. */
export interface Authority {
  readonly directory: string
  /** Rises with every change of the folder. */
  readonly revision: number
  /** In the order of their numbers; never empty. */
  readonly generations: readonly AuthorityGeneration[]
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
 * Whether a folder holds an authority, whatever its files are worth.
 *
 * @throws ConnectorError `key/unreadable` its manifest cannot be read
 */
export async function hasAuthority(directory: string): Promise<boolean> {
  return (await findManifest(directory)) !== undefined
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
  const ras: KeyedFiles[] = []
  for (const ra of made.ras) ras.push(await writeKeyed(directory, 'ra', ra, passphrase, random))
  const isNew = await commitManifest(directory, {
    revision: 1,
    manifest: {
      version: 2,
      createdAt: options.now.toISOString(),
      generations: [
        {
          number: 1,
          handOverAt: null,
          cancelledAt: null,
          root,
          issuing,
          ras: ras.map((files) => ({ ...files, retiredAt: null })),
        },
      ],
    },
  })
  if (!isNew) for (const files of [root, issuing, ...ras]) await removeKeyed(directory, files)
  return { authority: await loadAuthority(directory, passphrase), isNew }
}

/**
 * What a signer needs of a generation.
 *
 * @param pointers written into issued certificates; undefined leaves them out
 */
export function getIssuerMaterial(
  generation: Pick<AuthorityGeneration, 'issuingDer' | 'issuingKeyPkcs8Der'>,
  caId: string,
  pointers: Pick<
    IssuerMaterial,
    'caIssuersUrl' | 'crlUrl' | 'crlShards' | 'ocspUrl' | 'allowsSidExtension'
  >,
): IssuerMaterial {
  return {
    caId,
    certificateDer: generation.issuingDer,
    keyPkcs8Der: generation.issuingKeyPkcs8Der,
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
  const { revision, manifest } = found
  try {
    const generations: AuthorityGeneration[] = []
    for (const one of manifest.generations) {
      generations.push(await loadGeneration(directory, one, passphrase))
    }
    return { directory, revision, generations }
  } catch (cause) {
    // Another process may have changed the folder while we read: files of the old revision are gone then.
    const newer = await findManifest(directory)
    if (newer && newer.revision > revision) return loadNumbered(directory, passphrase, newer)
    throw cause
  }
}

/**
 * Reads one generation of a manifest, and checks that its files belong together.
 *
 * @throws ConnectorError as `loadAuthority`
 */
export async function loadGeneration(
  directory: string,
  { number, handOverAt, cancelledAt, ...files }: ManifestGeneration,
  passphrase: Secret,
): Promise<AuthorityGeneration> {
  const rootDer = await loadCertificate(directory, files.root.certificate)
  const issuing = await loadKeyed(directory, files.issuing, passphrase)
  const ras: AuthorityRa[] = []
  for (const ra of files.ras) ras.push(await loadRa(directory, ra, passphrase))
  verifyIssuer(issuing.certificateDer, rootDer, directory)
  for (const ra of ras) verifyIssuer(ra.certificateDer, issuing.certificateDer, directory)
  return {
    number,
    handOverAt: handOverAt === null ? undefined : new Date(handOverAt),
    cancelledAt: cancelledAt === null ? undefined : new Date(cancelledAt),
    rootDer,
    issuingDer: issuing.certificateDer,
    issuingKeyPkcs8Der: new Uint8Array(issuing.key.export({ format: 'der', type: 'pkcs8' })),
    ras: ras.toSorted((a, b) => Number(b.isCurrent) - Number(a.isCurrent)),
    files: { root: files.root, issuing: files.issuing },
  }
}

/**
 * Reads one RA of a manifest.
 *
 * @throws ConnectorError as `loadKeyed`
 */
export async function loadRa(
  directory: string,
  { certificate, key: keyName, retiredAt }: ManifestGeneration['ras'][number],
  passphrase: Secret,
): Promise<AuthorityRa> {
  const files = { certificate, key: keyName }
  const { certificateDer, key } = await loadKeyed(directory, files, passphrase)
  return {
    certificateDer,
    fingerprintHex: toHex(hash('sha256', certificateDer, 'buffer')),
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
