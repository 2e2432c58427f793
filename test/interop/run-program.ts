import { spawn } from 'node:child_process'

/** Arguments; those that belong together may stand in an array of their own. */
export type ProgramArguments = readonly (string | readonly string[])[]

/** How a program ended. */
export interface ProgramEnd {
  /** Exit status; -1 when a signal ended it. */
  readonly status: number
  readonly stdout: Buffer
  readonly stderr: string
}

/** Where and with what a program runs. */
export interface ProgramSurroundings {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** It is ended after this time. Default one minute. */
  readonly timeoutMs?: number
}

/**
 * Runs a program to its end, without a shell. Asynchronous, because the connector that answers it lives in this process.
 * A program that is not there rejects with ENOENT; one that fails is an answer, which the caller judges.
 */
export async function runProgram(
  command: string,
  args: ProgramArguments,
  { cwd, env = {}, timeoutMs = 60_000 }: ProgramSurroundings = {},
): Promise<ProgramEnd> {
  return await new Promise((resolve, reject) => {
    const child = spawn(command, args.flat(), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C', ...env },
      timeout: timeoutMs,
      ...(cwd === undefined ? {} : { cwd }),
    })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    child.on('error', reject)
    child.on('close', (status) =>
      resolve({
        status: status ?? -1,
        stdout: Buffer.concat(stdout),
        stderr: Buffer.concat(stderr).toString('utf8'),
      }),
    )
  })
}

/** Runs a program that must succeed, and gives what it printed; throws with its error text otherwise. */
export async function runOrThrow(
  command: string,
  args: ProgramArguments,
  surroundings: ProgramSurroundings = {},
): Promise<Buffer> {
  const end = await runProgram(command, args, surroundings)
  if (end.status !== 0)
    throw new Error(
      `${command} ${args.flat()[0] ?? ''} ended with ${end.status}: ${end.stderr}${end.stdout.toString('utf8')}`,
    )
  return end.stdout
}
