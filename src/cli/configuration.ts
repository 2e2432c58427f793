import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import {
  type Configuration,
  demonstrationConfiguration,
  formatProblem,
  loadConfiguration,
} from '../config/index.ts'
import { readDemonstrationPorts } from './demonstration-ports.ts'
import { CommandEnd, EXIT } from './failure.ts'
import { loadVersion } from './version.ts'

/** The configuration that a command works with, and where it came from. */
export interface FoundConfiguration {
  readonly configuration: Configuration
  /** No file and no `CONNECTOR_` settings: everything on loopback, with the simulator. */
  readonly isDemonstration: boolean
  readonly file: string | undefined
  /** What is valid but unfit for production; told on standard error already. */
  readonly warnings: readonly string[]
}

const DEFAULT_FILE = 'connector.yaml'

/**
 * Finds the configuration: `--config`, else `CONNECTOR_CONFIG`, else `connector.yaml` in this folder, else the
 * demonstration. Problems go to standard error, and warnings where the command is one that starts or checks.
 *
 * @throws CommandEnd with exit code 2 when it has problems; they have been told
 * @throws ConnectorError `config/invalid` a port that the environment chooses for the demonstration is none
 */
export function findConfiguration(command: Command): FoundConfiguration {
  const { config, dataDir } = command.optsWithGlobals<{ config?: string; dataDir?: string }>()
  const cwd = process.cwd()
  const file =
    config ??
    process.env['CONNECTOR_CONFIG'] ??
    (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined)
  if (file === undefined && !hasFeaturesInEnvironment()) {
    const configuration = demonstrationConfiguration(
      resolve(cwd, dataDir ?? 'data'),
      readDemonstrationPorts(process.env),
    )
    return { configuration, isDemonstration: true, file: undefined, warnings: [] }
  }
  const outcome = loadConfiguration({ file, env: process.env, cwd })
  if (outcome.kind === 'invalid') throw endWithProblems(outcome.problems.map(formatProblem))
  const warnings = outcome.warnings.map(formatProblem)
  // Those who start or check a configuration want to know; beside the answer of another command it is noise.
  if (['serve', 'check-config'].includes(command.name()))
    for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`)
  return { configuration: outcome.configuration, isDemonstration: false, file, warnings }
}

/**
 * As `findConfiguration`, for the commands that start or check a connector: also reads every file that it names.
 *
 * @throws CommandEnd with exit code 2 when a start would fail on one; they have been told
 */
export async function findWholeConfiguration(command: Command): Promise<FoundConfiguration> {
  const found = findConfiguration(command)
  const { checkFiles } = await import('../compose/index.ts')
  const problems = await checkFiles(found.configuration, loadVersion())
  if (problems.length > 0) throw endWithProblems(problems)
  return found
}

function endWithProblems(problems: readonly string[]): CommandEnd {
  for (const problem of problems) process.stderr.write(`${problem}\n`)
  const { length } = problems
  process.stderr.write(
    `${length} problem${length === 1 ? '' : 's'} in the configuration; see docs/configuration.md\n`,
  )
  return new CommandEnd(EXIT.usage)
}

/** In a container everything may come from the environment; profiles or other features are the least that it needs. */
function hasFeaturesInEnvironment(): boolean {
  return Object.keys(process.env).some((name) => /^CONNECTOR_(PROFILES|FEATURES)(_|$)/.test(name))
}
