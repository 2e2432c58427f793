import { hash, type KeyObject } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type AuthorityOptions, createAuthority, type NewAuthority } from '../../src/ca/index.ts'
import type { Secret } from '../../src/kernel/index.ts'

type KeyedCertificate = NewAuthority['root']

/**
 * Writes the folder of an authority as `initAuthority` leaves it, with one difference: its keys are encrypted as the
 * `openssl pkcs8 -topk8` command does, which the product opens as well and which takes no time. Opening what the product
 * wrote is slow on purpose; the tests of `initAuthority` and of key files pay for that once.
 *
 * @param directory made when missing; holds no authority yet
 */
export async function recordQuickAuthority(
  directory: string,
  passphrase: Secret,
  options: AuthorityOptions,
): Promise<void> {
  const made = await createAuthority(options)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const write = (name: string, content: string) =>
    writeFileSync(join(directory, name), content, { mode: 0o600, flag: 'wx' })

  function record(role: 'root' | 'issuing' | 'ra', { certificateDer, key }: KeyedCertificate) {
    const name = `${role}-${hash('sha256', certificateDer, 'hex').slice(0, 16)}`
    write(`${name}.pem`, pemOf(certificateDer))
    write(`${name}.key`, encryptedPemOf(key, passphrase))
    return { certificate: `${name}.pem`, key: `${name}.key` }
  }

  const manifest = {
    version: 2,
    createdAt: options.now.toISOString(),
    generations: [
      {
        number: 1,
        handOverAt: null,
        cancelledAt: null,
        root: record('root', made.root),
        issuing: record('issuing', made.issuing),
        ras: made.ras.map((ra) => ({ ...record('ra', ra), retiredAt: null })),
      },
    ],
  }
  write('authority-1.json', JSON.stringify(manifest))
}

function pemOf(certificateDer: Uint8Array): string {
  const lines =
    Buffer.from(certificateDer)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

function encryptedPemOf(key: KeyObject, passphrase: Secret): string {
  return key
    .export({
      format: 'pem',
      type: 'pkcs8',
      cipher: 'aes-256-cbc',
      passphrase: passphrase.reveal(),
    })
    .toString()
}
