import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs the `openssl` command in a folder of its own, which goes when the work is done. */
export function withOpenssl<Result>(work: (tool: OpensslFolder) => Result): Result {
  const folder = mkdtempSync(join(tmpdir(), 'codec-'))
  try {
    return work(new OpensslFolder(folder))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Files for one use of the `openssl` command. */
export class OpensslFolder {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  write(name: string, content: Uint8Array | string): void {
    writeFileSync(join(this.#folder, name), content)
  }

  read(name: string): Uint8Array {
    return new Uint8Array(readFileSync(join(this.#folder, name)))
  }

  /** Standard output of the command, whose arguments hold no blanks; throws with its error text when it fails. */
  run(commandLine: string): string {
    return execFileSync('openssl', commandLine.split(' '), {
      cwd: this.#folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    }).toString('latin1')
  }
}

/** PEM of a certificate. */
export function toPem(der: Uint8Array): string {
  const lines = Buffer.from(der).toString('base64').replaceAll(/.{64}/g, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}
