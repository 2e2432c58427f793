import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { installPackages } from '../find-clients.ts'
import type { Tool } from '../rows.ts'
import { runOrThrow, runProgram } from '../run-program.ts'

const ZLINT = 'v3.7.3'
const PKILINT = '0.13.3'

/** What is installed stays here between runs, outside of what is under version control. */
const built = join(import.meta.dirname, '../../../node_modules/.cache/interop-linters')
const zlint = join(built, 'zlint')
const python = join(built, 'pkilint/bin/python')

/** GnuTLS's `certtool` and `ocsptool`. */
export async function findGnutls(): Promise<Tool> {
  const probe = async () =>
    /certtool ([\d.]+)/.exec((await print('certtool', ['--version'])) ?? '')?.[1]
  let version = await probe()
  if (version === undefined && process.getuid?.() === 0) {
    await installPackages(['gnutls-bin'])
    version = await probe()
  }
  return { version, remedy: 'apt-get install gnutls-bin' }
}

export async function findOpenssl(): Promise<Tool> {
  const version = /OpenSSL ([\w.]+)/.exec((await print('openssl', ['version'])) ?? '')?.[1]
  return { version, remedy: 'apt-get install openssl' }
}

/** zlint, built from its Go module unless it is there. */
export async function findZlint(): Promise<Tool> {
  const remedy = `go install github.com/zmap/zlint/v3/cmd/zlint@${ZLINT}`
  if (!existsSync(zlint))
    await attempt('zlint', async () => {
      mkdirSync(built, { recursive: true })
      const module = `github.com/zmap/zlint/v3/cmd/zlint@${ZLINT}`
      await runOrThrow('go', ['install', module], { env: { GOBIN: built }, timeoutMs: 300_000 })
    })
  return { version: existsSync(zlint) ? ZLINT.slice(1) : undefined, remedy }
}

/** pkilint, in a virtual environment of its own unless it is there. */
export async function findPkilint(): Promise<Tool> {
  const remedy = `pip install pkilint==${PKILINT}`
  const probe = async () =>
    (await print(python, ['-c', 'import importlib.metadata as m; print(m.version("pkilint"))']))
      ?.trim()
      .match(/^[\d.]+$/)?.[0]
  let version = await probe()
  if (version !== PKILINT) {
    await attempt('pkilint', async () => {
      const folder = join(built, 'pkilint')
      const venv = async () =>
        await runProgram('python3', ['-m', 'venv', folder], { timeoutMs: 120_000 })
      // Debian's Python comes without it.
      if ((await venv()).status !== 0 && process.getuid?.() === 0) {
        await installPackages(['python3-venv'])
        await venv()
      }
      const words = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check']
      await runOrThrow(python, [...words, `pkilint==${PKILINT}`], { timeoutMs: 300_000 })
    })
    version = await probe()
  }
  return { version: version === PKILINT ? version : undefined, remedy }
}

/** One finding. */
export interface Finding {
  readonly file: string
  readonly code: string
}

/** What zlint finds in PEM files of certificates and CRLs: notices, warnings and errors. */
export async function runZlint(files: readonly string[]): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const file of files) {
    const printed = (await runOrThrow(zlint, [file])).toString()
    const results = JSON.parse(printed) as Readonly<Record<string, { readonly result: string }>>
    const entries = Object.entries(results)
    if (!entries.some(([, { result }]) => result === 'pass'))
      throw new Error(`zlint applied no lint to ${file}`)
    for (const [code, { result }] of entries)
      if (['notice', 'warn', 'error', 'fatal'].includes(result)) findings.push({ file, code })
  }
  return findings
}

interface PkilintResult {
  readonly file: string
  readonly results: readonly {
    readonly finding_descriptions: readonly { readonly code: string }[]
  }[]
}

/** What pkilint finds in DER files: notices, warnings and errors. */
export async function runPkilint(
  files: readonly { readonly kind: 'certificate' | 'crl' | 'ocsp'; readonly file: string }[],
): Promise<readonly Finding[]> {
  const script = join(import.meta.dirname, 'lint_all.py')
  const pairs = files.flatMap(({ kind, file }) => [kind, file])
  const printed = (await runOrThrow(python, [script, ...pairs])).toString()
  const answers = printed
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as PkilintResult)
  if (answers.length !== files.length)
    throw new Error(`pkilint answered ${answers.length} times for ${files.length} files`)
  return answers.flatMap(({ file, results }) =>
    results.flatMap(({ finding_descriptions: all }) => all.map(({ code }) => ({ file, code }))),
  )
}

async function attempt(name: string, install: () => Promise<void>): Promise<void> {
  try {
    await install()
  } catch (error) {
    console.log(`${name} cannot be installed: ${String(error).slice(0, 500)}`)
  }
}

/** What a program prints, whatever its exit status; undefined when it is not there. */
async function print(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const end = await runProgram(command, args)
    return end.stdout.toString('utf8') + end.stderr
  } catch {
    return undefined
  }
}
