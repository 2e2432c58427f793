import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder with the files of one conversation with the `openssl` command; removed by `close`. */
export interface OpensslFolder {
  /** Writes a file and gives its path. */
  readonly put: (name: string, content: Uint8Array | string) => string
  readonly path: (name: string) => string
  readonly get: (name: string) => Buffer
  /** Runs `openssl`; throws with its stderr when it fails. */
  readonly run: (...args: readonly string[]) => string
  readonly close: () => void
}

/** Whether the command is there, for the `skip` of a test: a sentence when it is not. */
export function opensslIsMissing(): string | false {
  const missing = 'the openssl command is not installed'
  return spawnSync('openssl', ['version']).status === 0 ? false : missing
}

export function createOpensslFolder(): OpensslFolder {
  const folder = mkdtempSync(join(tmpdir(), 'scep-oracle-'))
  const path = (name: string) => join(folder, name)
  return {
    path,
    put: (name, content) => {
      writeFileSync(path(name), content, { mode: 0o600 })
      return path(name)
    },
    get: (name) => readFileSync(path(name)),
    run: (...args) =>
      execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString(),
    close: () => rmSync(folder, { recursive: true }),
  }
}

/** PEM of DER. */
export function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
