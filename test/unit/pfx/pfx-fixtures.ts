import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createFolder, openssl } from '../ca/ca-fixtures.ts'

export const PASSWORD = 'at least 24 characters long'

/** What `makeIdentity` puts into a certificate. */
export interface IdentityOptions {
  readonly days?: number
  readonly key?: readonly string[]
  readonly extensions?: readonly string[]
}

/** A self-signed certificate and its key in a folder: `<name>.crt`, `<name>.key`. */
export function makeIdentity(folder: string, name: string, options: IdentityOptions = {}): void {
  const { days = 365, key = ['rsa:2048'], extensions = [] } = options
  const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`]
  const subject = ['-subj', `/CN=${name}`, '-days', String(days)]
  const added = extensions.flatMap((extension) => ['-addext', extension])
  openssl(folder, 'req', '-x509', '-nodes', ...files, ...subject, '-newkey', ...key, ...added)
}

/** The PFX that openssl makes of it. */
export function makePfx(
  folder: string,
  name: string,
  password: string,
  ...options: readonly string[]
): Uint8Array {
  const out = `${randomBytes(6).toString('hex')}.pfx`
  const parts = ['-inkey', `${name}.key`, '-in', `${name}.crt`, '-passout', `pass:${password}`]
  openssl(folder, 'pkcs12', '-export', ...parts, '-out', out, ...options)
  return new Uint8Array(readFileSync(join(folder, out)))
}

export { createFolder, openssl }
