import { Command } from 'commander'
import { addBackupCommand } from './backup-command.ts'
import { addCaCommand } from './ca-command.ts'
import { addCaptureCommand } from './capture-command.ts'
import { addCheckConfigCommand } from './check-config-command.ts'
import { addDocsCommand } from './docs-command.ts'
import { addChallengeCommand, addEnrolCommand } from './enrol-command.ts'
import { addEventsCommand } from './events-command.ts'
import { addImportCommand } from './import-command.ts'
import { addInitCommand } from './init-command.ts'
import { addKeyringCommand } from './keyring-command.ts'
import { addMembershipCommands } from './membership-command.ts'
import { addOutboxCommand } from './outbox-command.ts'
import { addPageUserCommand } from './page-user-command.ts'
import { addRequestsCommand } from './requests-command.ts'
import { addRevokeCommand } from './revoke-command.ts'
import { addServeCommand } from './serve-command.ts'
import { addSimulateCommand } from './simulate-command.ts'
import { addSpoolCommand } from './spool-command.ts'
import { addStatusCommand } from './status-command.ts'
import { loadVersion } from './version.ts'
import { addWorkCommand } from './work-command.ts'

/** All commands with their options and help. Runs nothing by itself. */
export function createProgram(): Command {
  const program = new Command('certconnector')
    .description(
      'An open certificate connector for Microsoft Intune: SCEP without Windows Server, NDES or IIS.',
    )
    .version(loadVersion())
    .option(
      '-c, --config <file>',
      'configuration file; default CONNECTOR_CONFIG, else connector.yaml here, else the demonstration',
    )
    .option('--data-dir <folder>', 'folder for data of the demonstration and the simulator', 'data')
    .showHelpAfterError('(certconnector --help, or --help after a command)')
    .addHelpText(
      'after',
      `
Exit codes: 0 done; 1 it could not be done; 2 wrong usage or a configuration with problems.
Documents: docs/enrolment.md, docs/operations.md, docs/configuration.md, docs/events.md.`,
    )
  for (const add of [
    addInitCommand,
    addServeCommand,
    addEnrolCommand,
    addChallengeCommand,
    addSimulateCommand,
    addWorkCommand,
    addCaCommand,
    addKeyringCommand,
    addImportCommand,
    addCheckConfigCommand,
    addStatusCommand,
    addMembershipCommands,
    addEventsCommand,
    addRequestsCommand,
    addRevokeCommand,
    addPageUserCommand,
    addCaptureCommand,
    addOutboxCommand,
    addSpoolCommand,
    addBackupCommand,
    addDocsCommand,
  ])
    add(program)
  return program
}
