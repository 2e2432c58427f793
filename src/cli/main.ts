import type { Command } from 'commander'
import { EXIT, reportFailure } from './failure.ts'
import { createProgram } from './program.ts'

const program = createProgram()
exitAsPromised(program)

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = reportFailure(error)
}

/** Help and version end well; everything else that the parser stops at is wrong usage, in every command. */
function exitAsPromised(command: Command): void {
  command.exitOverride(({ exitCode }) => {
    process.exit(exitCode === 0 ? EXIT.ok : EXIT.usage)
  })
  for (const below of command.commands) exitAsPromised(below)
}
