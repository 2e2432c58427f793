import { resolve } from 'node:path'
import type { Command } from 'commander'
import { createAsker, type Terminal } from './init/asker.ts'
import { gatherAnswers } from './init/gather-answers.ts'
import { describeNextSteps } from './init/next-steps.ts'
import { questions } from './init/questions.ts'

/** Options of the command; those of the questions by their names. */
export type InitOptions = Readonly<Record<string, unknown>>

/** `certconnector init`: writes a first configuration and its secrets, and says what to do next. */
export function addInitCommand(program: Command): void {
  const command = program
    .command('init')
    .description(
      'write a commented connector.yaml, or the file of --config: asks for what it needs, or takes it from the options',
    )
    .option('--yes', 'ask nothing: take the options, and defaults for the rest')
    .option('--force', 'overwrite what is there, but never a passphrase')
    .addHelpText(
      'after',
      `
Secrets are read from files or typed without showing them, never taken from an option. Without a
terminal nothing is asked.`,
    )
  const texts = new Map(questions.map(({ flags, text }) => [flags, text]))
  for (const [flags, text] of texts) command.option(flags, text)
  command.action(async (_options: unknown, self: Command) => {
    const terminal = { input: process.stdin, output: process.stdout }
    await runInit(self.optsWithGlobals<InitOptions>(), process.cwd(), terminal)
  })
}

/**
 * Asks on the terminal, where it is one, for what the options do not say, and writes the files.
 *
 * @throws ConnectorError `config/invalid`, `key/unreadable`
 */
export async function runInit(
  options: InitOptions,
  cwd: string,
  terminal: Terminal,
): Promise<void> {
  // Loaded here, so that the other commands answer at once.
  const { checkPlace, writeInstallation } = await import('./init/write-installation.ts')
  const isForced = options['force'] === true
  const file = resolve(cwd, textOf(options['config']) ?? 'connector.yaml')
  checkPlace(file, isForced)
  const given = new Map(
    questions.flatMap(({ name }): [string, string][] => {
      const value = textOf(options[name])
      return value === undefined ? [] : [[name, value]]
    }),
  )
  const asks = terminal.input.isTTY === true && options['yes'] !== true
  const asker = asks ? createAsker(terminal) : undefined
  try {
    const gathered = await gatherAnswers(given, asker, cwd)
    const written = await writeInstallation(file, gathered, isForced)
    terminal.output.write(describeNextSteps(gathered.answers, written, cwd))
  } finally {
    asker?.close()
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
