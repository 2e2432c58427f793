import { randomBytes } from 'node:crypto'
import { copyFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { type Authority, initAuthority } from '../src/ca/index.ts'
import { loadPassphrase } from '../src/keys/index.ts'
import { createHandler } from './handler.ts'
import { createLimit, type LimitKeys } from './limit.ts'
import { measureOneThread, type OneThreadResult } from './one-thread.ts'
import type { BenchOptions, Variant } from './options.ts'
import { startParallelLimit } from './parallel-limit.ts'
import { measurePkcs, type PkcsResult } from './pkcs.ts'
import { buildRequests } from './requests.ts'
import { measureRevocation, type RevocationResult } from './revocation.ts'
import { measureRounds, type Round } from './rounds.ts'
import { CA_ID, startServer } from './server.ts'

/** All that was measured with one key of the issuing CA. */
export interface VariantResult {
  readonly variant: Variant
  readonly oneThread: OneThreadResult
  readonly rounds: readonly Round[]
  readonly revocation: RevocationResult
  readonly pkcs: PkcsResult
}

/** As long as those of Intune, which are about 1,200 characters. */
const CHALLENGE = randomBytes(600).toString('hex')

/** No server with its clients beside it comes nearer to the limit of all cores; so many requests are built. */
const REACHABLE = 0.6

/**
 * Measures one variant: limit and handler on one thread, then the server under load in rounds, each with an empty and
 * with a filled register, between measurements of the limit on all cores.
 *
 * @param filledStore a register to copy; undefined leaves the comparison out
 * @param revokedStore a register whose certificates are all revoked
 */
export async function measureVariant(
  variant: Variant,
  options: BenchOptions,
  devicesPkcs8Der: readonly Uint8Array[],
  directory: string,
  filledStore: string | undefined,
  revokedStore: string,
  say: (progress: string) => void,
): Promise<VariantResult> {
  const emptyDir = join(directory, `${variant}-empty`)
  const [authority] = (await createAuthorityFolder(emptyDir, variant)).generations
  const ra = authority?.ras[0]
  if (authority === undefined || ra === undefined) throw new Error('the CA has no RA')
  const keys: LimitKeys = {
    raPkcs8Der: ra.keyPkcs8Der,
    issuingPkcs8Der: authority.issuingKeyPkcs8Der,
    devicesPkcs8Der,
  }
  const build = (count: number) =>
    buildRequests({
      count,
      recipientCertificateDer: ra.certificateDer,
      challenge: CHALLENGE,
      devicesPkcs8Der,
    })

  const samples = await build(2 * devicesPkcs8Der.length)
  const handle = createHandler(authority)
  const oneThread = measureOneThread(
    createLimit(keys),
    (index) => handle(samples[index % samples.length] ?? new Uint8Array()),
    options.slices,
    options.enrolmentsPerSlice,
  )

  const fastestMs = Math.min(...oneThread.limitMs)
  const perSecond = (availableParallelism() * 1000 * REACHABLE) / fastestMs
  const perRound = Math.ceil(perSecond * options.seconds)
  const { warmUpRequests } = options
  say(`  ${warmUpRequests + perRound * options.rounds} requests`)
  const requests = await build(warmUpRequests + perRound * options.rounds)
  const filledDir = join(directory, `${variant}-filled`)
  if (filledStore !== undefined) {
    mkdirSync(filledDir, { mode: 0o700 })
    cpSync(emptyDir, filledDir, { recursive: true })
    copyFileSync(filledStore, join(filledDir, 'connector.db'))
  }
  say('  servers')
  const parallelLimit = await startParallelLimit(keys)
  const empty = await startServer(emptyDir, variant, CHALLENGE, options.profileDir)
  const filled =
    filledStore === undefined
      ? undefined
      : await startServer(filledDir, variant, CHALLENGE, options.profileDir)
  let stopping: Promise<unknown> | undefined
  const stop = async () => {
    stopping ??= Promise.all([parallelLimit.close(), empty.stop(), filled?.stop()])
    await stopping
  }
  try {
    const rounds = await measureRounds({
      empty,
      filled,
      parallelLimit,
      warmUp: requests.slice(0, warmUpRequests),
      batches: Array.from({ length: options.rounds }, (_, index) =>
        requests.slice(warmUpRequests + index * perRound).slice(0, perRound),
      ),
      seconds: options.seconds,
      limitMs: options.limitMs,
      say,
    })
    // Alone: servers that are idle still look after their duties.
    await stop()
    say('  revocation')
    const revocation = await measureRevocation(
      authority,
      revokedStore,
      join(directory, `${variant}-revoked.db`),
      { publications: options.rounds, seconds: Math.min(2, options.seconds / 2) },
    )
    say('  PKCS')
    const pkcsDir = join(directory, `${variant}-pkcs`)
    mkdirSync(pkcsDir, { mode: 0o700 })
    const pkcs = await measurePkcs(authority, devicesPkcs8Der, pkcsDir, {
      rounds: options.rounds,
      itemsPerRound: options.pkcsItems,
      keys: options.pkcsKeys,
    })
    return { variant, oneThread, rounds, revocation, pkcs }
  } finally {
    await stop()
  }
}

/** A data folder with passphrase and CA, as the server makes it at its first start. */
async function createAuthorityFolder(dataDir: string, variant: Variant): Promise<Authority> {
  mkdirSync(dataDir, { mode: 0o700 })
  const passphraseFile = join(dataDir, 'passphrase')
  writeFileSync(passphraseFile, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 })
  const { authority } = await initAuthority(
    join(dataDir, 'ca', CA_ID),
    await loadPassphrase(passphraseFile),
    {
      names: { name: 'Bench CA' },
      rootKey: 'p256',
      issuingKey: variant,
      now: new Date(),
      random: randomBytes,
    },
  )
  return authority
}
