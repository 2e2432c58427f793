import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { CrashSite } from './crash-site.ts'

/** The real connector in a process of its own: `certconnector serve --config …`. */
export interface ConnectorProcess {
  /** Resolves when `/readyz` says so. Rejects when the process ends before, unless we killed it. */
  readonly ready: Promise<'ready' | 'killed'>
  /** SIGKILL: no handler runs, nothing is flushed. Resolves when the process is gone. */
  kill(): Promise<void>
  /** SIGTERM. The exit code; undefined when it had to be killed after all. */
  stop(): Promise<number | undefined>
}

const ENTRY = resolve(import.meta.dirname, '../../src/cli/main.ts')
const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 30_000
const POLL_MS = 25

/** Starts one; several, one after the other, on the same site. */
export function startConnectorProcess(site: CrashSite): ConnectorProcess {
  const output = join(site.folder, 'output.log')
  const log = openSync(output, 'a', 0o600)
  const child = spawn(process.execPath, [ENTRY, 'serve', '--config', site.configFile], {
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  const ended = once(child, 'exit')
  // Whatever ends this process must not leave that one behind.
  const endChild = (): void => void child.kill('SIGKILL')
  process.once('exit', endChild)
  child.once('exit', () => process.off('exit', endChild))
  let isKilled = false

  async function waitUntilReady(): Promise<'ready' | 'killed'> {
    let lastSaid = 'nobody answers'
    for (const until = performance.now() + START_TIMEOUT_MS; performance.now() < until; ) {
      if (isKilled) return 'killed'
      if (hasEnded(child))
        throw new Error(`the connector ended by itself (${child.exitCode}): ${tailOf(output)}`)
      const answer = await askReady(site.adminUrl)
      if (answer?.isReady === true) return isKilled ? 'killed' : 'ready'
      lastSaid = answer?.said ?? lastSaid
      await new Promise((wake) => setTimeout(wake, POLL_MS))
    }
    throw new Error(`not ready within ${START_TIMEOUT_MS} ms: ${lastSaid}\n${tailOf(output)}`)
  }

  const ready = waitUntilReady()
  // For those who never ask; `kill` tells them.
  ready.catch(() => undefined)
  return {
    ready,
    async kill() {
      isKilled = true
      if (hasEnded(child))
        throw new Error(`the connector ended by itself (${child.exitCode}): ${tailOf(output)}`)
      child.kill('SIGKILL')
      await ended
    },
    async stop() {
      isKilled = true
      if (!hasEnded(child)) child.kill('SIGTERM')
      const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
      await ended
      clearTimeout(impatience)
      return child.exitCode ?? undefined
    },
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

async function askReady(
  adminUrl: string,
): Promise<{ readonly isReady: boolean; readonly said: string } | undefined> {
  return await fetch(`${adminUrl}/readyz`, { signal: AbortSignal.timeout(10_000) }).then(
    async (answer) => ({ isReady: answer.ok, said: await answer.text() }),
    () => undefined,
  )
}

function tailOf(file: string): string {
  return readFileSync(file, 'utf8').slice(-2000)
}
