import { accessSync, constants, existsSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import type { Configuration } from '../../config/index.ts'
import { loadPassphrase, systemCode } from '../../keys/index.ts'
import { loadTls } from '../identity.ts'
import type { Probe } from './probe.ts'

const CONNECT_MS = 5000
const SOON_MS = 30 * 86_400_000

/** What this machine must offer: folder, passphrase, ports, the certificate of the listener, a way to the proxy. */
export function listMachineProbes(configuration: Configuration, now: Date): readonly Probe[] {
  const { proxy } = configuration
  const { device, admin } = configuration.listeners
  return [
    probeDataFolder(configuration),
    probePassphrase(configuration),
    probePort('listeners.device', device.host, device.port),
    ...(device.tls === undefined ? [] : [probeTls(device.tls, now)]),
    ...(device.tls?.port === undefined
      ? []
      : [probePort('listeners.device.tls', device.host, device.tls.port)]),
    probePort('listeners.admin', admin.host, admin.port),
    ...(proxy === undefined ? [] : [probeProxy(proxy.url)]),
  ]
}

function probeDataFolder({ dataDir }: Configuration): Probe {
  return {
    name: 'data folder',
    remedies: {},
    async run() {
      // What is not there yet is made at the first start, in the first folder above that is there.
      let folder = dataDir
      while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder)
      try {
        accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
      } catch (cause) {
        return {
          status: 'failed',
          reason: `${folder} cannot be written (${systemCode(cause)})`,
          remedy: `let the account of the service own ${dataDir}, or name another dataDir`,
        }
      }
      const isNew = folder !== dataDir
      return {
        status: 'ok',
        reason: isNew ? `${dataDir} can be made` : `${dataDir} can be written`,
      }
    },
  }
}

function probePassphrase({ dataDir, passphraseFile }: Configuration): Probe {
  return {
    name: 'passphrase',
    remedies: { '': 'write 16 characters or more into it, readable by the service only' },
    async run() {
      if (!existsSync(passphraseFile) && passphraseFile === join(dataDir, 'passphrase'))
        return {
          status: 'doubtful',
          reason: `${passphraseFile} is made at the first start, beside what it protects`,
          remedy: 'name a passphraseFile outside of dataDir, and keep a copy elsewhere',
        }
      await loadPassphrase(passphraseFile)
      return { status: 'ok', reason: `${passphraseFile} is readable by the service only` }
    },
  }
}

/** Listens for a moment: that nobody else does is all that can be known. */
function probePort(key: string, host: string, port: number): Probe {
  return {
    name: key,
    remedies: {},
    async run() {
      if (port === 0) return { status: 'ok', reason: `${host}, any free port` }
      const code = await tryToListen(host, port)
      if (code === undefined) return { status: 'ok', reason: `${host}:${port} is free` }
      return {
        status: code === 'EADDRINUSE' ? 'doubtful' : 'failed',
        reason: `${host}:${port} cannot be listened on (${code})`,
        remedy: remedyOfListening(key, code),
      }
    },
  }
}

function remedyOfListening(key: string, code: string): string {
  if (code === 'EADDRINUSE')
    return `if that is no connector with this configuration, stop it or change ${key}.port`
  if (code === 'EACCES')
    return `ports below 1024 need CAP_NET_BIND_SERVICE; change ${key}.port, or put a proxy in front`
  return `change ${key}.host to an address of this machine`
}

async function tryToListen(host: string, port: number): Promise<string | undefined> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  server.once('error', (cause) => resolve(systemCode(cause)))
  server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  return await promise
}

function probeTls(tls: NonNullable<Configuration['listeners']['device']['tls']>, now: Date): Probe {
  return {
    name: 'listeners.device.tls',
    remedies: { '': 'name the certificate with its issuers, and its key, in PEM' },
    async run() {
      const { notAfter } = loadTls(tls)
      const reason = `the certificate ends at ${notAfter.toISOString()}`
      const remedy = 'put a new certificate there'
      const leftMs = notAfter.getTime() - now.getTime()
      if (leftMs <= 0) return { status: 'failed', reason, remedy }
      return leftMs < SOON_MS ? { status: 'doubtful', reason, remedy } : { status: 'ok', reason }
    },
  }
}

/** Only that somebody answers: what the proxy lets through shows in the calls behind it. */
function probeProxy(url: string): Probe {
  return {
    name: 'proxy',
    remedies: {},
    async run() {
      const { hostname, port, protocol } = new URL(url)
      const number = Number(port || (protocol === 'https:' ? 443 : 80))
      const code = await tryToConnect(hostname, number)
      if (code === undefined) return { status: 'ok', reason: `${url} answers` }
      return {
        status: 'failed',
        reason: `${url} cannot be reached (${code})`,
        remedy: 'check proxy.url, the name of the proxy in DNS, and the firewall between',
      }
    },
  }
}

async function tryToConnect(host: string, port: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const socket = connect({ host, port, timeout: CONNECT_MS }, () => resolve(undefined))
  socket.once('error', (cause) => resolve(systemCode(cause)))
  socket.once('timeout', () => resolve('ETIMEDOUT'))
  return await promise.finally(() => socket.destroy())
}
