import { createPublicKey, hash } from 'node:crypto'
import { events, type Journal } from '../events/index.ts'
import { type Clock, describeError, type RandomBytes } from '../kernel/index.ts'
import { type KeyName, type KeyRing, PADDING_SCHEMES, proveKey } from '../keys/index.ts'
import type { SpokenCheck } from './health-events.ts'

/** A key that opens what is encrypted to it is believed for so long: opening its file costs some tenths of a second. */
const GOOD_MS = 3_600_000
const LOOK_EVERY_MS = 60_000

/** What became of one key. */
export interface KeyFinding {
  readonly name: KeyName
  /** SHA-256 of its SubjectPublicKeyInfo, hexadecimal; undefined where it has a problem. */
  readonly spkiSha256: string | undefined
  /** For people; no octet of a key. */
  readonly problem: string | undefined
}

/** Whether the keys for imported PFX do what they are for. */
export interface KeyRingTest {
  /**
   * Tests what is new, was broken, or was tested long ago; several callers share one round. Events 53 and 54 for each key
   * that changed.
   *
   * @throws ConnectorError `key/unreadable` the folder cannot be read
   */
  run(): Promise<readonly KeyFinding[]>
  /** As the last round found it; a key that it did not meet is not broken. */
  isBroken(name: KeyName): boolean
  /** False where there are keys and none of them works, or where they cannot be read. */
  isUsable(): Promise<boolean>
  readonly check: SpokenCheck
}

/**
 * Tries each key of a key ring as `certconnector keyring test` does: it opens, and a random value that was encrypted to
 * its public half with each padding comes back. Only the names of keys are told.
 *
 * @see pfx.md, 2.6
 */
export function createKeyRingTest(
  ring: KeyRing,
  {
    journal,
    clock,
    random,
  }: { readonly journal: Journal; readonly clock: Clock; readonly random: RandomBytes },
): KeyRingTest {
  const kept = new Map<string, KeyFinding & { readonly at: number }>()
  let running: Promise<readonly KeyFinding[]> | undefined

  async function test(name: KeyName): Promise<KeyFinding> {
    try {
      const key = await ring.find(name)
      if (key === undefined) return { name, spkiSha256: undefined, problem: 'it is gone' }
      for (const padding of PADDING_SCHEMES) proveKey(key, padding, random)
      const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
      return { name, spkiSha256: hash('sha256', spki, 'hex'), problem: undefined }
    } catch (error) {
      return { name, spkiSha256: undefined, problem: describeError(error) }
    }
  }

  async function round(): Promise<readonly KeyFinding[]> {
    const names = await ring.list()
    const findings: KeyFinding[] = []
    // One after the other: each keeps the thread busy while its file is opened.
    for (const name of names) findings.push(await look(name))
    const present = new Set(names.map(idOf))
    for (const id of kept.keys()) if (!present.has(id)) kept.delete(id)
    return findings
  }

  async function look(name: KeyName): Promise<KeyFinding> {
    const before = kept.get(idOf(name))
    const now = clock.now().getTime()
    const ageMs = now - (before?.at ?? 0)
    if (before?.problem === undefined && before !== undefined && ageMs >= 0 && ageMs < GOOD_MS)
      return before
    const finding = await test(name)
    kept.set(idOf(name), { ...finding, at: now })
    const fields = { providerName: name.provider, keyName: name.key }
    if (finding.problem !== undefined && before?.problem === undefined)
      journal.record(events.ImportKeyBroken, { ...fields, errorMessage: finding.problem })
    if (finding.problem === undefined && before?.problem !== undefined)
      journal.record(events.ImportKeyRepaired, fields)
    return finding
  }

  async function run(): Promise<readonly KeyFinding[]> {
    running ??= round().finally(() => {
      running = undefined
    })
    return await running
  }

  return {
    run,
    isBroken: (name) => kept.get(idOf(name))?.problem !== undefined,
    async isUsable() {
      const findings = await run().catch(() => undefined)
      if (findings === undefined) return false
      return findings.length === 0 || findings.some(({ problem }) => problem === undefined)
    },
    check: {
      name: 'key ring',
      maxAgeMs: LOOK_EVERY_MS,
      timeoutMs: 30_000,
      async run() {
        let findings: readonly KeyFinding[]
        try {
          findings = await run()
        } catch (error) {
          // Devices can enrol all the same.
          return { status: 'degraded', reason: `${describeError(error)}; imports are not fetched` }
        }
        const broken = findings.filter(({ problem }) => problem !== undefined)
        if (findings.length === 0)
          return { status: 'degraded', reason: 'it has no key: certconnector keyring add' }
        if (broken.length === 0)
          return { status: 'ok', reason: `${findings.length} keys open what is encrypted to them` }
        const reasons = broken.map(
          ({ name, problem }) => `key '${name.key}' of provider '${name.provider}': ${problem}`,
        )
        const stopped = broken.length === findings.length ? '; imports are not fetched' : ''
        return { status: 'degraded', reason: `${reasons.join('; ')}${stopped}` }
      },
    },
  }
}

function idOf({ provider, key }: KeyName): string {
  return JSON.stringify([provider.toLowerCase(), key.toLowerCase()])
}
