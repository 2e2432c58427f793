import { prepareJscep } from './jscep-driver.ts'
import { runProgram } from './run-program.ts'

/** One client program as this machine has it. */
export interface Client {
  readonly name: string
  /** Debian packages that bring it. */
  readonly packages: readonly string[]
  /** Upstream version; undefined when the client is missing. */
  readonly version: string | undefined
}

export type ClientName =
  | 'strongSwan pki'
  | 'scepclient'
  | 'certmonger'
  | 'jscep'
  | 'openssl and curl'

interface Recipe {
  readonly packages: readonly string[]
  /** Version, or undefined when it or a part of it is not installed. */
  probe(): Promise<string | undefined>
}

/** Path of certmonger's SCEP helper, which is not meant for the search path. */
export const scepSubmit = '/usr/lib/certmonger/scep-submit'

const recipes: Readonly<Record<ClientName, Recipe>> = {
  'strongSwan pki': {
    // The program alone can neither encrypt nor speak HTTP: its openssl and curl plug-ins are in packages of their own.
    packages: ['strongswan-pki', 'libstrongswan-standard-plugins', 'libstrongswan-extra-plugins'],
    async probe() {
      const text = await print('pki', ['--help'])
      if (text === undefined || /plugin '(curl|openssl)': failed to load/.test(text))
        return undefined
      return /strongSwan ([\d.]+)/.exec(text)?.[1]
    },
  },
  scepclient: {
    packages: ['scep'],
    probe: async () => /\d[\w.]*/.exec((await print('scepclient', ['-version'])) ?? '')?.[0],
  },
  certmonger: {
    packages: ['certmonger'],
    async probe() {
      if ((await print(scepSubmit, ['--help'])) === undefined) return undefined
      return /certmonger ([\d.]+)/.exec((await print('certmonger', ['-v'])) ?? '')?.[1]
    },
  },
  jscep: {
    // Maven fetches jscep itself from its registry.
    packages: ['default-jdk-headless', 'maven'],
    probe: prepareJscep,
  },
  'openssl and curl': {
    packages: ['openssl', 'curl'],
    async probe() {
      const openssl = /OpenSSL ([\w.]+)/.exec((await print('openssl', ['version'])) ?? '')?.[1]
      const curl = /curl ([\d.]+)/.exec((await print('curl', ['--version'])) ?? '')?.[1]
      return openssl === undefined || curl === undefined ? undefined : `${openssl}, ${curl}`
    },
  },
}

/**
 * Finds clients and installs the packages of those that are missing, where this process is root and there is a package
 * manager. What is still missing afterwards has no version.
 */
export async function findClients(
  names: readonly ClientName[],
): Promise<ReadonlyMap<ClientName, Client>> {
  const found = await probeAll(names)
  const missing = [...found.values()].flatMap((one) =>
    one.version === undefined ? one.packages : [],
  )
  if (missing.length === 0 || process.getuid?.() !== 0) return found
  await installPackages(missing)
  return await probeAll(names)
}

async function probeAll(names: readonly ClientName[]): Promise<ReadonlyMap<ClientName, Client>> {
  const entries = await Promise.all(
    names.map(async (name) => {
      const recipe = recipes[name]
      return [name, { name, packages: recipe.packages, version: await recipe.probe() }] as const
    }),
  )
  return new Map(entries)
}

/** Failures are told and no more: the second probe decides what is missing. */
export async function installPackages(packages: readonly string[]): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const wait = ['-o', 'DPkg::Lock::Timeout=120']
  for (const args of [
    ['update', ...wait],
    ['install', '-y', '--no-install-recommends', ...wait, ...packages],
  ]) {
    console.log(`apt-get ${args.join(' ')}`)
    try {
      const end = await runProgram('apt-get', args, { env, timeoutMs: 600_000 })
      if (end.status !== 0) console.log(`ended with ${end.status}: ${end.stderr.trim()}`)
    } catch (error) {
      console.log(`cannot be run: ${String(error)}`)
      return
    }
  }
}

/** What a program prints on both channels, whatever its exit status; undefined when it is not there. */
async function print(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const end = await runProgram(command, args)
    return end.stdout.toString('utf8') + end.stderr
  } catch {
    return undefined
  }
}
