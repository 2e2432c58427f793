import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { ConnectorError } from '../kernel/index.ts'
import type { CaptureFolder } from '../store/index.ts'
import { findConfiguration } from './configuration.ts'

const MINUTE_MS = 60_000
const MAX_MINUTES = 24 * 60

/** A connector looks every two seconds. */
const PATIENCE_MS = 10_000

interface CaptureOptions {
  readonly profile: string
  readonly for: number
  readonly messages: number
  readonly stop?: boolean
}

/** `certconnector capture`: keeps the messages of a profile for a while, without their challenges (REQ-194). */
export function addCaptureCommand(program: Command): void {
  program
    .command('capture')
    .description('keep requests and replies of a profile for a while, without their challenges')
    .requiredOption('--profile <name>', 'whose messages')
    .addOption(
      new Option('--for <time>', 'how long: 30s, 15m, 2h; at most 24h')
        .argParser(parseMinutes)
        .default(15, '15m'),
    )
    .option('--messages <count>', 'end after so many, at most 1000', parseCount, 100)
    .option('--stop', 'end the capture that runs')
    .addHelpText(
      'after',
      `
It works beside a connector that runs, and ends by itself. What is encrypted in a message, and the
challenge in a request, are overwritten; bytes that are no such message are kept as they came (.raw):
look at them before you send them to anybody.`,
    )
    .action(async (options: CaptureOptions, self: Command) => {
      const { configuration } = findConfiguration(self)
      if (!configuration.profiles.some(({ name }) => name === options.profile))
        throw new ConnectorError('config/invalid', `--profile: there is no ${options.profile}`)
      const { openCaptureFolder } = await import('../store/index.ts')
      const folder = openCaptureFolder(join(configuration.dataDir, 'captures'))
      await (options.stop === true ? stop(folder, options) : start(folder, options))
    })
}

async function start(folder: CaptureFolder, options: CaptureOptions): Promise<void> {
  const { profile } = options
  const running = (await folder.listOpen()).find((record) => record.profile === profile)
  if (running !== undefined)
    throw new ConnectorError(
      'config/invalid',
      `${running.name} runs until ${running.until.toISOString()}; end it with --stop first`,
    )
  const now = new Date()
  const until = new Date(now.getTime() + options.for * MINUTE_MS)
  const name = await folder.order(
    { profile, until, maxMessages: options.messages, maxBytes: 16 * 1024 * 1024 },
    now,
  )
  const isTaken = await waitUntil(
    async () =>
      (await folder.listOpen()).find((record) => record.name === name)?.hasStarted ?? true,
  )
  if (!isTaken)
    throw new ConnectorError(
      'store/unavailable',
      'no connector has begun the capture; it begins when one runs on this folder as the same account',
    )
  process.stdout.write(`${join(folder.directory, name)}\n`)
  process.stderr.write(`captures ${profile} until ${until.toISOString()}\n`)
}

async function stop(folder: CaptureFolder, { profile }: CaptureOptions): Promise<void> {
  const running = (await folder.listOpen()).filter((record) => record.profile === profile)
  for (const { name } of running) {
    await folder.mark(name, 'stop', new Date().toISOString())
    process.stdout.write(`${join(folder.directory, name)}\n`)
  }
  process.stderr.write(`${running.length} capture${running.length === 1 ? '' : 's'} ended\n`)
}

async function waitUntil(isThere: () => Promise<boolean>): Promise<boolean> {
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; ) {
    if (await isThere()) return true
    await sleep(100)
  }
  return false
}

function parseMinutes(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,4})([smh])$/.exec(text) ?? []
  const minutes = Number(count) * ({ s: 1 / 60, m: 1, h: 60 }[unit] ?? 0)
  if (minutes > 0 && minutes <= MAX_MINUTES) return minutes
  throw new InvalidArgumentError('expected 30s, 15m or 2h, at most 24h')
}

function parseCount(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count > 0 && count <= 1000) return count
  throw new InvalidArgumentError('expected 1 to 1000')
}
