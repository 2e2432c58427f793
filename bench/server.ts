import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import type { Variant } from './options.ts'

/** The real server in a process of its own: `certconnector serve --config …`, SQLite on disk, all logs on. */
export interface BenchServer {
  readonly scepUrl: URL
  readonly healthUrl: string
  /** User and system time of its process so far, all threads, in milliseconds; steps of 10. */
  cpuMs(): number
  /** Asks it to end, and waits. */
  stop(): Promise<void>
}

/** Name of the CA in the configuration; its folder and the register carry it. */
export const CA_ID = 'default'

const ENTRY = resolve(import.meta.dirname, '../src/cli/main.ts')
const START_TIMEOUT_MS = 30_000

/** Clock ticks a second in /proc, whatever the kernel's own are. */
const USER_HZ = 100

/**
 * Writes a configuration into `dataDir` (which holds the CA already) and starts the server on two free ports of
 * loopback. Everything has its default, except that no rate limit sheds the load.
 *
 * @throws Error it does not become ready; its log is in the message
 */
export async function startServer(
  dataDir: string,
  variant: Variant,
  challenge: string,
  profileDir?: string,
): Promise<BenchServer> {
  const [devicePort, adminPort] = [await findFreePort(), await findFreePort()]
  const secretFile = join(dataDir, 'challenge')
  writeFileSync(secretFile, challenge, { mode: 0o600 })
  const config = join(dataDir, 'connector.yaml')
  writeFileSync(
    config,
    `dataDir: ${dataDir}
listeners:
  device:
    host: 127.0.0.1
    port: ${devicePort}
    publicUrl: http://127.0.0.1:${devicePort}
    requestsPerMinute: 0
    failedChallengesPerMinute: 0
  admin: { port: ${adminPort} }
ca:
  - { id: ${CA_ID}, issuingKey: ${variant} }
profiles:
  - { name: bench, ca: ${CA_ID}, challenge: { kind: static, secretFile: ${secretFile} } }
`,
  )
  const output = join(dataDir, 'output.log')
  const log = openSync(output, 'a', 0o600)
  const profiling =
    profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(profileDir)}`]
  const child = spawn(process.execPath, [...profiling, ENTRY, 'serve', '--config', config], {
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  process.once('exit', () => child.kill('SIGTERM'))
  const adminUrl = `http://127.0.0.1:${adminPort}`
  try {
    await waitUntilReady(child, `${adminUrl}/readyz`)
  } catch (cause) {
    await end(child)
    throw new Error(`the server does not start: ${readFileSync(output, 'utf8').slice(-2_000)}`, {
      cause,
    })
  }
  return {
    scepUrl: new URL(`http://127.0.0.1:${devicePort}/scep/bench`),
    healthUrl: `${adminUrl}/healthz`,
    cpuMs: () => readCpuMs(child.pid),
    stop: async () => await end(child),
  }
}

async function waitUntilReady(child: ChildProcess, url: string): Promise<void> {
  for (const until = performance.now() + START_TIMEOUT_MS; performance.now() < until; ) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`)
    const isReady = await fetch(url).then(
      async (response) => (await response.arrayBuffer(), response.ok),
      () => false,
    )
    if (isReady) return
    await new Promise((wake) => setTimeout(wake, 50))
  }
  throw new Error(`not ready within ${START_TIMEOUT_MS} ms`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const impatience = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS)
  await ended
  clearTimeout(impatience)
}

/** utime and stime of proc(5). The name of the command may hold spaces, so fields count from behind it. */
function readCpuMs(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / USER_HZ
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
