import { spawn } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type ProgramArguments, type ProgramEnd, runProgram } from './run-program.ts'

/** A certmonger of our own: everything it writes lies in one folder, and it listens on a socket there, without D-Bus. */
export interface CertmongerDaemon {
  /** Runs `getcert` against it. */
  getcert(...args: ProgramArguments): Promise<ProgramEnd>
  stop(): Promise<void>
}

const START_MS = 10_000

/** Starts the daemon and waits for its socket. */
export async function startCertmonger(folder: string): Promise<CertmongerDaemon> {
  const inFolder = (name: string): string => {
    mkdirSync(join(folder, name), { recursive: true })
    return join(folder, name)
  }
  const socket = join(folder, 'socket')
  const env = {
    CERTMONGER_CAS_DIR: inFolder('cas'),
    CERTMONGER_REQUESTS_DIR: inFolder('requests'),
    CERTMONGER_CONFIG_DIR: inFolder('config'),
    CERTMONGER_LOCAL_CA_DIR: inFolder('local'),
    CERTMONGER_TMPDIR: inFolder('tmp'),
    CERTMONGER_SYSTEM_LOCK_FILE: join(folder, 'lock'),
    CERTMONGER_PVT_ADDRESS: `unix:path=${socket}`,
  }
  // -L and -P: this socket only. -n: stays in the foreground, so that its process id is the one to end.
  const daemon = spawn('certmonger', ['-L', '-P', socket, '-n'], {
    stdio: 'ignore',
    env: { ...process.env, ...env },
  })
  const ended = new Promise<void>((resolve) => {
    daemon.on('error', () => resolve())
    daemon.on('exit', () => resolve())
  })
  const stop = async (): Promise<void> => {
    if (daemon.exitCode === null && daemon.signalCode === null) daemon.kill('SIGTERM')
    await ended
  }
  for (const until = Date.now() + START_MS; !existsSync(socket); ) {
    if (Date.now() > until || daemon.exitCode !== null) {
      await stop()
      throw new Error(`certmonger opened no socket; exit code ${String(daemon.exitCode)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { getcert: async (...args) => await runProgram('getcert', args, { env }), stop }
}
