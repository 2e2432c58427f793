import { type ChildProcess, spawn } from 'node:child_process'
import { resolve } from 'node:path'

const entry = resolve(import.meta.dirname, '../../src/cli/main.ts')
const compileCache = process.env['NODE_COMPILE_CACHE']

/** A command of `certconnector` in a process of its own. */
export interface CommandRun {
  readonly child: ChildProcess
  /** Standard output so far. */
  out(): string
  /** Standard error so far. */
  err(): string
  /** Resolves with the exit code when its streams are closed; -1 when a signal ended it. */
  readonly ended: Promise<number>
  /** Waits until standard output matches; fails when it ends before, or after 60 s. */
  waitFor(pattern: RegExp): Promise<void>
}

/** Starts one; environment settings of the machine that would configure it are left out. */
export function startCommand(
  words: readonly string[],
  options: { readonly cwd: string; readonly environment?: Readonly<Record<string, string>> },
): CommandRun {
  const child = spawn(process.execPath, [entry, ...words], {
    cwd: options.cwd,
    env: {
      PATH: process.env['PATH'] ?? '',
      // Starts take half the time; `npm run test:all` says where.
      ...(compileCache === undefined ? {} : { NODE_COMPILE_CACHE: compileCache }),
      ...options.environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const ended = new Promise<number>((done) => {
    child.once('close', (code) => done(code ?? -1))
  })
  return {
    child,
    out: () => out,
    err: () => err,
    ended,
    async waitFor(pattern) {
      for (const until = Date.now() + 60_000; !pattern.test(out); ) {
        if (Date.now() > until || child.exitCode !== null)
          throw new Error(`${words.join(' ')}: no ${pattern}\n${out}\n${err}`)
        await new Promise((resolve) => setTimeout(resolve, 25))
      }
    },
  }
}

/** What a command did that has ended. */
export interface CommandResult {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs one to its end. */
export async function runCommand(
  words: readonly string[],
  options: Parameters<typeof startCommand>[1],
): Promise<CommandResult> {
  const run = startCommand(words, options)
  const code = await run.ended
  return { code, out: run.out(), err: run.err() }
}
