import type { Command } from 'commander'
import { findConfiguration } from './configuration.ts'

/** `certconnector check-config`: all problems and warnings of the configuration, without starting anything. */
export function addCheckConfigCommand(program: Command): void {
  program
    .command('check-config')
    .description(
      'check the configuration and tell all problems at once; exit code 2 when there are any',
    )
    .action((_options: unknown, command: Command) => {
      const { configuration, file, isDemonstration } = findConfiguration(command)
      const where = isDemonstration
        ? 'no configuration file: the demonstration'
        : (file ?? 'environment')
      process.stdout.write(`${where}: valid\n`)
      process.stdout.write(
        `device listener ${configuration.listeners.device.host}:${configuration.listeners.device.port}, public URL ${configuration.listeners.device.publicUrl}\n`,
      )
      for (const profile of configuration.profiles)
        process.stdout.write(
          `profile ${profile.name}: ${profile.challenge.kind} challenge, CA ${profile.ca}, ${profile.certificate.validityDays} days, ${profile.notifyMode}\n`,
        )
    })
}
