import { randomBytes } from 'node:crypto'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { getConfiguredCa } from './ca-folder.ts'
import { showCa } from './ca-show.ts'
import { findConfiguration } from './configuration.ts'

interface Options {
  readonly id?: string
  readonly at?: Date
  /** Milliseconds. */
  readonly after: number
  readonly newRoot?: boolean
  readonly name?: string
  readonly cancel?: boolean
}

const UNIT_MS = { d: 86_400_000, h: 3_600_000, m: 60_000 } as const
const DEFAULT_AFTER = '30d'

/** `certconnector ca roll`: makes the next CA, which takes over on a date, or gives it up before that. */
export function addCaRollCommand(ca: Command): void {
  ca.command('roll')
    .description('make the next CA: published now, it takes over on a date')
    .option('--id <id>', 'id of the CA in the configuration')
    .addOption(
      new Option('--at <time>', 'when the next CA takes over, ISO 8601')
        .argParser(parseTime)
        .conflicts('after'),
    )
    .addOption(
      new Option('--after <time>', 'how long from now, such as 30d, 12h or 0m')
        .argParser(parseDuration)
        .default(parseDuration(DEFAULT_AFTER), DEFAULT_AFTER),
    )
    .option('--new-root', 'under a root of its own; roll that out before the hand-over')
    .option(
      '--name <name>',
      'common name of the next CA; default: the configured one and G2, G3, …',
    )
    .addOption(
      new Option(
        '--cancel',
        'give up the next CA, which is possible until its hand-over',
      ).conflicts(['at', 'after', 'newRoot', 'name']),
    )
    .addHelpText(
      'after',
      `
Until the hand-over devices can ask for the next CA (GetNextCACert). After it the old one still signs its CRLs and OCSP
answers, and its RA key still decrypts for ca[].ra.overlapDays. The key of the root must be there, unless --new-root is given.`,
    )
    .action(async (options: Options, command: Command) => {
      const { configuration } = findConfiguration(command)
      const configured = getConfiguredCa(configuration, options.id)
      const { settings, directory } = configured
      const { cancelRollOver, rollAuthority } = await import('../ca/index.ts')
      const now = new Date()
      if (options.cancel === true) await cancelRollOver(directory, now)
      else {
        const { namesOf } = await import('../compose/index.ts')
        const { loadPassphrase } = await import('../keys/index.ts')
        await rollAuthority(directory, await loadPassphrase(configuration.passphraseFile), {
          names: namesOf(settings),
          rootKey: settings.rootKey,
          issuingKey: settings.issuingKey,
          rootYears: settings.rootYears,
          issuingYears: settings.issuingYears,
          raDays: settings.ra.validityDays,
          raPair: settings.ra.pair,
          hasNewRoot: options.newRoot === true,
          handOverAt: options.at ?? new Date(now.getTime() + options.after),
          ...(options.name === undefined ? {} : { commonName: options.name }),
          now,
          random: randomBytes,
        })
      }
      await showCa(configured)
      process.stdout.write('\nA connector that runs takes this over within a minute.\n')
    })
}

/** A day begins in UTC. A time needs its zone: without one each machine would read its own into it. */
function parseTime(text: string): Date {
  const [, day = ''] =
    /^(\d{4}-\d\d-\d\d)(?:T\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d))?$/.exec(text) ?? []
  const time = new Date(text)
  // The 31st of February would be the 3rd of March.
  const isDay = new Date(day).toJSON()?.startsWith(day) === true
  if (day !== '' && isDay && !Number.isNaN(time.getTime())) return time
  throw new InvalidArgumentError('expected a time such as 2027-03-01 or 2027-03-01T06:00:00Z')
}

function parseDuration(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,5})([dhm])$/.exec(text) ?? []
  if (unit === 'd' || unit === 'h' || unit === 'm') return Number(count) * UNIT_MS[unit]
  throw new InvalidArgumentError('expected a number with d, h or m, such as 30d')
}
