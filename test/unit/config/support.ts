import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  type Configuration,
  formatProblem,
  loadConfiguration,
  type Problem,
} from '../../../src/config/index.ts'

/** The least that a configuration needs. */
export const leastYaml = `
listeners:
  device:
    publicUrl: https://scep.example.org
passphraseFile: /run/secrets/passphrase
intune:
  tenant: contoso.onmicrosoft.com
  clientId: 11111111-2222-3333-4444-555555555555
  clientSecretFile: secrets/intune
profiles:
  - name: default
    challenge: { kind: intune }
`.trim()

/** Writes files into a folder of their own; `connector.yaml` is the configuration. */
export function writeFiles(context: TestContext, files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'config-'))
  context.after(() => rmSync(directory, { recursive: true, force: true }))
  for (const [name, text] of Object.entries({ 'secrets/intune': 'MARKED-SECRET\n', ...files })) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), text)
  }
  return directory
}

/** Loads YAML as `connector.yaml`, which lies beside `secrets/intune`. */
export function load(
  context: TestContext,
  yaml: string,
  env: Record<string, string> = {},
  files: Record<string, string> = {},
) {
  const cwd = writeFiles(context, { 'connector.yaml': yaml, ...files })
  return { cwd, outcome: loadConfiguration({ file: 'connector.yaml', env, cwd }) }
}

/** The configuration, or a failure that shows the problems. */
export function expectOk(outcome: ReturnType<typeof loadConfiguration>): Configuration {
  if (outcome.kind === 'ok') return outcome.configuration
  throw new Error(outcome.problems.map(formatProblem).join('\n'))
}

/** The problems, or a failure. */
export function expectProblems(outcome: ReturnType<typeof loadConfiguration>): readonly Problem[] {
  if (outcome.kind === 'invalid') return outcome.problems
  throw new Error('the configuration is valid')
}

/** Puts lines in place of those of `leastYaml` that begin the same way. */
export function withLine(from: string, to: string): string {
  if (!leastYaml.includes(from)) throw new TypeError(`no line ${from}`)
  return leastYaml.replace(from, to)
}
