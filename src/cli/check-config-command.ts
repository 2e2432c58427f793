import type { Command } from 'commander'
import type { Finding } from '../compose/index.ts'
import {
  type ClientNote,
  type Configuration,
  explainProfile,
  findClientNotes,
  type Statement,
} from '../config/index.ts'
import { type FoundConfiguration, findWholeConfiguration } from './configuration.ts'
import { CommandEnd, EXIT } from './failure.ts'
import { loadVersion } from './version.ts'

interface ProfileReport {
  readonly name: string
  readonly statements: readonly Statement[]
  readonly notes: readonly ClientNote[]
}

/**
 * `certconnector check-config`: all problems and warnings of the configuration, what each profile accepts and refuses, and
 * which clients will stumble; without starting anything. Problems and warnings go to standard error.
 */
export function addCheckConfigCommand(program: Command): void {
  program
    .command('check-config')
    .description(
      'check the configuration: all problems at once (exit code 2), else what each profile accepts and refuses, and which clients stumble',
    )
    .option('--json', 'the same for programs')
    .option(
      '--online',
      'also try the machine, the proxy, Intune and the connector service, changing nothing; exit code 1 where something fails',
    )
    .action(async ({ json, online }: { json?: boolean; online?: boolean }, command: Command) => {
      const found = await findWholeConfiguration(command)
      const profiles = listServed(found.configuration).map((profile) => ({
        name: profile.name,
        statements: explainProfile(profile, found.configuration),
        notes: findClientNotes(profile, found.configuration),
      }))
      const findings = online === true ? await tryOnline(found.configuration) : undefined
      process.stdout.write(
        json === true
          ? formatJson(found, profiles, findings)
          : formatText(found, profiles) + (findings ?? []).map(formatFinding).join(''),
      )
      if (findings?.some(({ status }) => status === 'failed') === true)
        throw new CommandEnd(EXIT.failed)
    })
}

async function tryOnline(configuration: Configuration): Promise<readonly Finding[]> {
  const { checkOnline } = await import('../compose/index.ts')
  return await checkOnline(configuration, loadVersion())
}

function formatFinding({ name, status, reason, remedy }: Finding): string {
  const line = `${status.padEnd(8)}  ${name}: ${reason}`
  return remedy === undefined ? `${line}\n` : `${line}; ${remedy}\n`
}

/** Without SCEP nobody is served by the profiles that still stand there. */
function listServed({ features, profiles }: Configuration): Configuration['profiles'] {
  return features.scep ? profiles : []
}

function formatJson(
  { configuration, file, warnings }: FoundConfiguration,
  profiles: readonly ProfileReport[],
  online: readonly Finding[] | undefined,
): string {
  const report = {
    valid: true,
    file: file ?? null,
    publicUrl: configuration.listeners.device.publicUrl,
    features: configuration.features,
    warnings,
    profiles,
    ...(online === undefined ? {} : { online }),
  }
  return `${JSON.stringify(report, null, 2)}\n`
}

function formatText(
  { configuration, file, isDemonstration }: FoundConfiguration,
  profiles: readonly ProfileReport[],
): string {
  const where = isDemonstration
    ? 'no configuration file: the demonstration'
    : (file ?? 'environment')
  const { device } = configuration.listeners
  return [
    `${where}: valid`,
    `device listener ${describeListener(device)}, public URL ${device.publicUrl}`,
    `features: ${listFeatures(configuration)}`,
    ...listServed(configuration).flatMap((profile) => [
      '',
      summarise(profile),
      ...profiles
        .filter(({ name }) => name === profile.name)
        .flatMap(({ statements, notes }) => [
          ...statements.map(({ text }) => `  ${text}`),
          ...notes.map(({ clients, text }) => `  note for ${clients}: ${text}`),
        ]),
    ]),
    '',
  ].join('\n')
}

function listFeatures({ features }: Configuration): string {
  return Object.entries(features)
    .map(([name, isOn]) => `${name} ${isOn ? 'on' : 'off'}`)
    .join(', ')
}

function summarise(profile: Configuration['profiles'][number]): string {
  const { name, challenge, ca, certificate, notifyMode } = profile
  return `profile ${name}: ${challenge.kind} challenge, CA ${ca}, ${certificate.validityDays} days, ${notifyMode}`
}

function describeListener({ host, port, tls }: Configuration['listeners']['device']): string {
  if (tls === undefined) return `${host}:${port}`
  return tls.port === undefined
    ? `${host}:${port} (HTTPS)`
    : `${host}:${port} (HTTP) and ${host}:${tls.port} (HTTPS)`
}
