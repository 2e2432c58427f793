import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto'
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Authority,
  type AuthorityOptions,
  type CertificateSigner,
  createAuthority,
  generateSerial,
  type IssuerMaterial,
  issueCertificate,
  loadAuthority,
  type NewAuthority,
  prepareIssuer,
} from '../../../src/ca/index.ts'
import { Secret } from '../../../src/kernel/index.ts'
import {
  type CertificateOrder,
  encodeExtKeyUsage,
  encodeGeneralName,
  encodeKeyUsage,
  encodeName,
  encodeSubjectAltName,
  OID,
  signWith,
} from '../../../src/pki/index.ts'
import { recordQuickAuthority } from '../../support/quick-authority.ts'

/** The moment at which the tests of this room happen. */
export const NOW = new Date('2026-06-01T12:00:00.000Z')
export const DAY_MS = 24 * 3_600_000
export const PASSPHRASE = new Secret('correct horse battery staple')

export function daysAfter(days: number, from: Date = NOW): Date {
  return new Date(from.getTime() + days * DAY_MS)
}

/** A folder for one test; removed with `using`. */
export function createFolder(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'ca-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** Runs the openssl command in a folder; throws with its words when it says no. */
export function openssl(folder: string, ...args: string[]): string {
  return execFileSync('openssl', args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: 'pipe',
    maxBuffer: 64 * 1024 * 1024,
  })
}

export function writePem(folder: string, name: string, ...ders: readonly Uint8Array[]): string {
  const path = join(folder, name)
  writeFileSync(path, ders.map((der) => new X509Certificate(der).toString()).join(''))
  return path
}

export function writeSecretFile(folder: string, name: string, text: string, mode = 0o600): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

let quick: Promise<NewAuthority> | undefined

/** An authority on elliptic curves, made once. */
export function getQuickAuthority(): Promise<NewAuthority> {
  quick ??= createAuthority({
    names: { name: 'Test CA', organisation: 'Contoso', country: 'DE' },
    rootKey: 'p384',
    issuingKey: 'p256',
    now: NOW,
    random: randomBytes,
  })
  return quick
}

export function materialOf(
  authority: NewAuthority,
  more: Partial<IssuerMaterial> = {},
): IssuerMaterial {
  return {
    caId: 'main',
    certificateDer: authority.issuing.certificateDer,
    keyPkcs8Der: authority.issuing.key.export({ format: 'der', type: 'pkcs8' }),
    caIssuersUrl: 'http://pki.example/aia/main.cer',
    crlUrl: 'http://pki.example/crl/main.crl',
    ...more,
  }
}

const deviceSpki = new Uint8Array(
  generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey.export({
    format: 'der',
    type: 'spki',
  }),
)

export function createSpki(): Uint8Array {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  return new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
}

/** What policy orders for a device, with a fresh serial. */
export function createCertificateOrder(more: Partial<CertificateOrder> = {}): CertificateOrder {
  return {
    serialHex: generateSerial(randomBytes),
    subjectDer: encodeName([{ oid: OID.commonName, value: 'device-1' }]),
    spkiDer: deviceSpki,
    notBefore: new Date(NOW.getTime() - 600_000),
    notAfter: daysAfter(365),
    extensions: [
      encodeKeyUsage(['digitalSignature', 'keyEncipherment']),
      encodeExtKeyUsage([OID.clientAuth]),
      encodeSubjectAltName([encodeGeneralName('dns', 'device-1.example')]),
    ],
    ...more,
  }
}

/** The pure functions behind the port, as a worker thread runs them. */
export function createDirectSigner(material: IssuerMaterial): CertificateSigner {
  const issuer = prepareIssuer(material)
  return {
    issueCertificate: async (_caId, order) => issueCertificate(order, issuer),
    sign: async (_caId, data) => signWith(issuer.key, data),
  }
}

/** Names, quick keys and the moment of a folder's authority. */
export const FOLDER_OPTIONS: AuthorityOptions = {
  names: { name: 'Folder CA' },
  rootKey: 'p256',
  issuingKey: 'p256',
  now: NOW,
  random: randomBytes,
}

let template: Promise<{ readonly path: string; readonly authority: Authority }> | undefined

/** Puts an authority into a folder that has none: always the same one, with keys that open quickly. */
export async function createAuthorityIn(path: string): Promise<Authority> {
  template ??= makeTemplate()
  const made = await template
  cpSync(made.path, path, { recursive: true })
  return { ...made.authority, directory: path }
}

async function makeTemplate(): Promise<{ readonly path: string; readonly authority: Authority }> {
  const path = mkdtempSync(join(tmpdir(), 'ca-template-'))
  process.once('exit', () => rmSync(path, { recursive: true, force: true }))
  await recordQuickAuthority(path, PASSPHRASE, FOLDER_OPTIONS)
  return { path, authority: await loadAuthority(path, PASSPHRASE) }
}
