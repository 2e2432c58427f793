import { dirname, join, resolve } from 'node:path'
import { findContradictions } from './contradictions.ts'
import { applyEnvironment, type EnvironmentSource } from './environment.ts'
import { type ConfigurationKey, listKeys } from './key-list.ts'
import { applyMicrosoftSettings } from './microsoft-settings.ts'
import { formatPath, type Problem } from './problem.ts'
import { expandPath, findRaw, putRaw, type RawObject, type RawPath } from './raw-tree.ts'
import {
  type Configuration,
  configurationSchema,
  type ParsedConfiguration,
} from './schema/configuration.ts'
import { describeIssues } from './schema-problems.ts'
import { loadSecrets } from './secret-files.ts'
import { parseSections } from './sections.ts'
import { findWarnings } from './warnings.ts'
import { loadYamlFile, type YamlFile } from './yaml-file.ts'

/** Every key of the configuration, in the order of the schema. */
export const configurationKeys: readonly ConfigurationKey[] = listKeys(configurationSchema)

export interface ConfigurationSource {
  /** Path of the YAML file; left out: defaults and environment only. */
  readonly file?: string | undefined
  /** All variables; those that begin with `CONNECTOR_` are ours. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Folder that a relative `file` starts from, and other paths where there is no file. */
  readonly cwd: string
}

export type ConfigurationOutcome =
  | {
      readonly kind: 'ok'
      readonly configuration: Configuration
      /** Valid, but unfit for production or probably not meant. */
      readonly warnings: readonly Problem[]
    }
  | {
      readonly kind: 'invalid'
      /** All of them, in the order of their lines. */
      readonly problems: readonly Problem[]
    }

/**
 * Reads the configuration: defaults, then the file, then the environment. Reads the files of secrets; looks at no other
 * file, opens no port, throws nothing. Finds all problems at once, also those between parts of which a third is wrong.
 */
export function loadConfiguration(source: ConfigurationSource): ConfigurationOutcome {
  const file = source.file === undefined ? undefined : resolve(source.cwd, source.file)
  const written = file === undefined ? emptyFile : loadYamlFile(file)
  const base = file === undefined ? source.cwd : dirname(file)
  const { raw } = written
  const environment = applyEnvironment(raw, source.env, configurationKeys)
  const isFromEnvironment = (path: RawPath): boolean =>
    findSource(formatPath(path), environment.sources) !== undefined
  const microsoft = applyMicrosoftSettings(raw, isFromEnvironment)
  openSections(raw)
  resolvePaths(raw, base)
  const secretProblems = loadSecrets(raw, configurationKeys, isFromEnvironment)
  const parsed = configurationSchema.safeParse(raw)
  const sections = parseSections(raw)

  const locate = (problem: Problem): Problem => locateProblem(problem, file, written, environment)
  const problems = [
    ...written.problems,
    ...[
      ...environment.problems,
      ...microsoft.problems,
      ...secretProblems,
      // A file that cannot be read leaves nothing to check.
      ...(written.problems.length > 0 || parsed.success
        ? []
        : describeIssues(parsed.error.issues, raw, configurationKeys)),
      ...(written.problems.length > 0 ? [] : findContradictions(sections)),
    ].map(locate),
  ]
  if (problems.length > 0 || !parsed.success) return { kind: 'invalid', problems: order(problems) }
  return {
    kind: 'ok',
    configuration: complete(parsed.data, base),
    warnings: order([...microsoft.warnings, ...findWarnings(sections)].map(locate)),
  }
}

/** Fills in what depends on other keys. `base` is the folder of relative paths. */
export function complete(parsed: ParsedConfiguration, base: string): Configuration {
  const dataDir = resolve(base, parsed.dataDir)
  return {
    ...parsed,
    dataDir,
    passphraseFile: parsed.passphraseFile ?? join(dataDir, 'passphrase'),
    store: { kind: parsed.store.kind, file: parsed.store.file ?? join(dataDir, 'connector.db') },
  }
}

const emptyFile: YamlFile = { raw: {}, problems: [], lineOf: () => undefined }

/** Puts in required sections that are missing, so that the keys missing in them are named one by one. */
function openSections(raw: RawObject): void {
  for (const key of configurationKeys) {
    if (key.kind !== 'section' || key.isOptional || key.path.length > 2) continue
    if (findRaw(raw, key.path) === undefined && !key.path.includes('[]')) putRaw(raw, key.path, {})
  }
}

function resolvePaths(raw: RawObject, base: string): void {
  for (const key of configurationKeys) {
    if (key.notes.isPath !== true) continue
    for (const path of expandPath(raw, key.path)) {
      const value = findRaw(raw, path)
      if (typeof value === 'string' && value !== '') putRaw(raw, path, resolve(base, value))
    }
  }
}

function locateProblem(
  problem: Problem,
  file: string | undefined,
  written: YamlFile,
  environment: { readonly sources: readonly EnvironmentSource[] },
): Problem {
  if (problem.environment !== undefined || problem.path === '') return problem
  const source = findSource(problem.path, environment.sources)
  if (source !== undefined) return { ...problem, environment: source.name }
  if (file === undefined) return problem
  const line = written.lineOf(parsePath(problem.path))
  return line === undefined ? { ...problem, file } : { ...problem, file, line }
}

/** The variable that put this value, or a list around it. The last one wins, as it did when it was put. */
function findSource(
  path: string,
  sources: readonly EnvironmentSource[],
): EnvironmentSource | undefined {
  return sources.findLast((source) => {
    const prefix = formatPath(source.path)
    return path === prefix || path.startsWith(`${prefix}.`) || path.startsWith(`${prefix}[`)
  })
}

/** The inverse of `formatPath`. */
function parsePath(path: string): RawPath {
  return path
    .split(/\.|(?=\[)/)
    .map((step) => (/^\[\d+\]$/.test(step) ? Number(step.slice(1, -1)) : step))
}

function order(problems: readonly Problem[]): readonly Problem[] {
  const unique = new Map(problems.map((problem) => [JSON.stringify(problem), problem]))
  return [...unique.values()].sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
}
