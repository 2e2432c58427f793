import { inspect } from 'node:util'
import { parseCertificates } from '../../../src/pki/index.ts'
import { RandomSource } from '../scep/random-source.ts'
import { type HttpAnswer, type Lane, openLane } from './http-answers.ts'
import { type HttpInput, makeHttpCorpus, makeHttpInput } from './http-inputs.ts'
import { describeReply, replyWithoutChance } from './reply-without-chance.ts'

export interface HttpFuzzOptions {
  /** Number of the first input; a finding is repeated with its number and a count of 1. */
  readonly first?: number
  readonly count: number
  readonly seed: number
  /** Base URL of the device listener. */
  readonly deviceUrl: string
  readonly profile: string
  readonly challenge: string
  /** Requests at a time. */
  readonly lanes: number
  /** Longest time from a request to its whole answer. */
  readonly deadlineMs: number
  /** Called before each input. */
  readonly onProgress?: (done: number) => void
}

/** What a run found. */
export interface HttpFuzzReport {
  readonly count: number
  /** How often each kind of input was answered how: `POST message` → `200 2/1`, 4711. */
  readonly outcomes: ReadonlyMap<string, number>
  readonly decryptFailures: number
  readonly worstMs: number
  /** At most ten, each with the number of its input and the bytes that were sent. */
  readonly findings: readonly string[]
}

/** What HTTP and this server answer; 500 is not among them. 403: NDES's landing (REQ-151). */
const EXPECTED = new Set([200, 400, 403, 404, 405, 408, 413, 414, 415, 417, 431, 503])

/** Traces of a program's inside: a stack, a source file, a module. */
const INSIDE = /\n\s+at |node:|\.[cm]?[jt]s\b|node_modules|Error:/

/** Sends mutated requests to a running server and watches what comes back. */
export async function runHttpFuzz(options: HttpFuzzOptions): Promise<HttpFuzzReport> {
  const { first = 0, count, seed, deviceUrl, profile, challenge, deadlineMs } = options
  const path = `/scep/${profile}`
  const ca = await fetch(`${deviceUrl}${path}?operation=GetCACert`)
  const [raDer] = parseCertificates(new Uint8Array(await ca.arrayBuffer()))
  if (raDer === undefined) throw new Error('GetCACert has no certificate')
  const corpus = makeHttpCorpus(raDer, path, challenge)
  const outcomes = new Map<string, number>()
  const findings: string[] = []
  let worstMs = 0
  let decryptFailures = 0
  let usual: Buffer | undefined
  let next = first

  function find(number: number, input: HttpInput, problem: string): void {
    if (findings.length >= 10) return
    findings.push(
      `input ${number} of seed ${seed}, ${input.kind}: ${problem}\n${input.bytes.toString('hex')}`,
    )
  }

  function judge(input: HttpInput, answers: readonly HttpAnswer[]): string | undefined {
    for (const { status, mediaType, body } of answers) {
      const isReply = mediaType === 'application/x-pki-message'
      const outcome = `${status}${isReply ? ` ${describeReply(body)}` : ''}`
      const key = `${input.kind.padEnd(20)} ${outcome}`
      outcomes.set(key, (outcomes.get(key) ?? 0) + 1)
      if (!EXPECTED.has(status)) return `answered with ${status}`
      if (mediaType === 'text/plain' && INSIDE.test(body.toString('latin1')))
        return `tells of its inside: ${body.toString('latin1')}`
    }
    if (answers.length === 0 && !input.isLast) return 'no answer'
    if (!input.isDecryptFailure) return undefined
    decryptFailures += 1
    const reply = replyWithoutChance(answers[0]?.body ?? Buffer.alloc(0))
    usual ??= reply
    return reply.equals(usual)
      ? undefined
      : `this decryption failure is answered unlike the first: ${reply.toString('hex')}`
  }

  async function work(lane: Lane): Promise<void> {
    while (next < first + count) {
      const number = next++
      options.onProgress?.(number - first)
      // A source of its own for each input, so that one can be repeated without those before it.
      const input = makeHttpInput(corpus, new RandomSource(seed + Math.imul(number, 0x9e3779b1)))
      const start = performance.now()
      try {
        const answers = await lane.exchange(input.bytes, input.isLast, deadlineMs)
        worstMs = Math.max(worstMs, performance.now() - start)
        const problem = judge(input, answers)
        if (problem !== undefined) find(number, input, problem)
      } catch (error) {
        find(number, input, inspect(error))
        if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') return
      }
    }
  }

  const lanes = Array.from({ length: options.lanes }, () =>
    openLane(Number(new URL(deviceUrl).port)),
  )
  await Promise.all(lanes.map(work))
  for (const lane of lanes) lane.close()
  return { count: next - first, outcomes, decryptFailures, worstMs, findings }
}
