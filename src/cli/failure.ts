import { ConnectorError, describeError } from '../kernel/index.ts'

/** Exit codes of every command, as `--help` says. */
export const EXIT = {
  ok: 0,
  /** The command could not do what it was asked to. */
  failed: 1,
  /** Wrong usage, or the configuration has problems. */
  usage: 2,
} as const

/** The end of a command that has told its reason already. */
export class CommandEnd extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    super(`exit ${exitCode}`)
    this.exitCode = exitCode
  }
}

/** Says what went wrong, for a person, on standard error. Returns the exit code. */
export function reportFailure(error: unknown): number {
  if (error instanceof CommandEnd) return error.exitCode
  process.stderr.write(`certconnector: ${describeError(error)}${remedyFor(error)}\n`)
  if (error instanceof ConnectorError && error.code === 'config/invalid') return EXIT.usage
  return EXIT.failed
}

/** What the operating system refuses names the file; what it lacks is whose turn it is. */
function remedyFor(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code !== 'EACCES' && code !== 'EPERM') return ''
  return '; run the command as the account of the connector, or as root'
}
