import { createPublicKey, hash } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { events, type Journal } from '../events/index.ts'
import { type Clock, describeError, type RandomBytes } from '../kernel/index.ts'
import { type KeyName, type KeyRing, PADDING_SCHEMES, proveKey } from '../keys/index.ts'
import type { SpokenCheck } from './health-events.ts'

/** A key that opens what is encrypted to it is believed for so long: opening its file keeps the thread for some tenths of a second. */
const GOOD_MS = 3_600_000
/** One that is broken is looked at again after this, and the list of all is as old at most. */
const LOOK_EVERY_MS = 60_000
/** Probes do not wait for a long key ring to be gone through. */
const PATIENCE_MS = 1500

/** What became of one key. */
export interface KeyFinding {
  readonly name: KeyName
  /** SHA-256 of its SubjectPublicKeyInfo, hexadecimal; undefined where it has a problem. */
  readonly spkiSha256: string | undefined
  /** For people; no octet of a key. */
  readonly problem: string | undefined
}

/** With the time of the test, in milliseconds. */
type Kept = KeyFinding & { readonly at: number }

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
  const kept = new Map<string, Kept>()
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
    let repeated = 0
    // One after the other, and of those that were good one in a round: each keeps the thread while its file is opened.
    for (const name of names) {
      const before = kept.get(idOf(name))
      const isOld = before !== undefined && isDue(before)
      if (isOld && before.problem === undefined) repeated += 1
      const isKept =
        before !== undefined && (!isOld || (before.problem === undefined && repeated > 1))
      findings.push(isKept ? before : await look(name, before))
    }
    const present = new Set(names.map(idOf))
    for (const id of kept.keys()) if (!present.has(id)) kept.delete(id)
    return findings
  }

  function isDue({ at, problem }: Kept): boolean {
    const ageMs = clock.now().getTime() - at
    return ageMs < 0 || ageMs >= (problem === undefined ? GOOD_MS : LOOK_EVERY_MS)
  }

  async function look(name: KeyName, before: Kept | undefined): Promise<KeyFinding> {
    const finding = await test(name)
    kept.set(idOf(name), { ...finding, at: clock.now().getTime() })
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
        let findings: readonly KeyFinding[] | undefined
        try {
          findings = await Promise.race([run(), setTimeout(PATIENCE_MS, undefined, { ref: false })])
        } catch (error) {
          // Devices can enrol all the same.
          return { status: 'degraded', reason: `${describeError(error)}; imports are not fetched` }
        }
        if (findings === undefined) return { status: 'ok', reason: 'its keys are being tested' }
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
