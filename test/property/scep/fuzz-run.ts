import { inspect } from 'node:util'
import { ConnectorError } from '../../../src/kernel/index.ts'
import {
  parseCertificate,
  parseCertificationRequest,
  parseElement,
  parseExtKeyUsage,
  parseKeyUsage,
  parseSidExtension,
  parseSubjectAltName,
  verifyCertificationRequest,
} from '../../../src/pki/index.ts'
import { matchScepPath, openRequest, parseHttpRequest } from '../../../src/scep/index.ts'
import { defaultRules, now } from '../../unit/scep/message-builder.ts'
import { type FuzzCorpus, makeCorpus } from './fuzz-corpus.ts'
import { mutate } from './mutation.ts'
import { RandomSource } from './random-source.ts'

/** What a run found. */
export interface FuzzReport {
  readonly count: number
  /** How many inputs each target took, and how many of them it did not refuse. */
  readonly targets: Readonly<Record<string, { readonly tried: number; readonly accepted: number }>>
  readonly worst: { readonly target: string; readonly milliseconds: number }
  /** Inputs that ended in another error than a ConnectorError, or took too long; at most ten. */
  readonly findings: readonly string[]
}

export interface FuzzOptions {
  readonly count: number
  readonly seed: number
  /** Longest time of one call, in milliseconds of processor or wall clock, whichever is less; Infinity where time is not the question. */
  readonly limitMs: number
  /** Called with every input's number. */
  readonly onProgress?: (done: number) => void
}

interface Target {
  readonly name: string
  /** Out of how many inputs this target gets how many. */
  readonly weight: number
  readonly make: (corpus: FuzzCorpus, random: RandomSource) => Uint8Array
  /** True when the input was taken. */
  readonly feed: (corpus: FuzzCorpus, input: Uint8Array) => boolean
}

const openTarget = (corpus: FuzzCorpus, input: Uint8Array): boolean => {
  const rules = { ...defaultRules, allowMd5: true, allowDes: true }
  return openRequest(input, corpus.ring, rules, now).kind === 'opened'
}

const targets: readonly Target[] = [
  {
    name: 'message',
    weight: 8,
    make: ({ messages }, random) => mutate(random.pick(messages), random, random.pick(messages)),
    feed: openTarget,
  },
  {
    name: 'signed envelope',
    weight: 1,
    make: ({ envelopes, signEnvelope }, random) =>
      signEnvelope(mutate(random.pick(envelopes), random, random.pick(envelopes))),
    feed: openTarget,
  },
  {
    name: 'sealed request',
    weight: 1,
    make: ({ requests, sealRequest, messages }, random) =>
      sealRequest(mutate(random.pick(requests), random, random.pick(messages))),
    feed: openTarget,
  },
  {
    name: 'request',
    weight: 4,
    make: ({ requests }, random) => mutate(random.pick(requests), random, random.pick(requests)),
    feed: (_corpus, input) => {
      const csr = parseCertificationRequest(input)
      for (const { valueDer } of csr.extensions) readExtensionValue(valueDer)
      verifyCertificationRequest(parseElement(csr.der))
      return true
    },
  },
  {
    name: 'certificate',
    weight: 4,
    make: ({ certificates }, random) =>
      mutate(random.pick(certificates), random, random.pick(certificates)),
    feed: (_corpus, input) => {
      for (const { valueDer } of parseCertificate(input).extensions) readExtensionValue(valueDer)
      return true
    },
  },
  {
    name: 'http',
    weight: 2,
    make: (corpus, random) => {
      const target = Buffer.from(random.pick(corpus.targets), 'latin1')
      return mutate(target, random, Buffer.from(random.pick(corpus.targets), 'latin1'))
    },
    feed: (_corpus, input) => {
      const text = Buffer.from(input).toString('latin1')
      const request = parseHttpRequest('GET', text, new Uint8Array())
      return matchScepPath(request.path) !== undefined && request.operation !== undefined
    },
  },
  {
    name: 'http body',
    weight: 1,
    make: ({ messages }, random) => {
      const text = Buffer.from(random.pick(messages)).toString('base64')
      return mutate(Buffer.from(text), random, random.pick(messages))
    },
    feed: (_corpus, input) => parseHttpRequest('POST', '/scep', input).messageDer !== undefined,
  },
]

/** Every reader of an extension gets every value: policy may not know what a hostile OID carries. */
function readExtensionValue(valueDer: Uint8Array): void {
  for (const read of [parseSubjectAltName, parseKeyUsage, parseExtKeyUsage, parseSidExtension]) {
    try {
      read(valueDer)
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error
    }
  }
}

const schedule = targets.flatMap((target) => Array.from({ length: target.weight }, () => target))

/** Feeds mutated messages to the codec and watches how each of them ends. */
export function runFuzz({ count, seed, limitMs, onProgress }: FuzzOptions): FuzzReport {
  const random = new RandomSource(seed)
  const corpus = makeCorpus()
  const counts = Object.fromEntries(targets.map(({ name }) => [name, { tried: 0, accepted: 0 }]))
  const findings: string[] = []
  let worst = { target: 'none', milliseconds: 0 }
  for (let number = 0; number < count; number++) {
    onProgress?.(number)
    const target = schedule[number % schedule.length] ?? random.pick(targets)
    const input = target.make(corpus, random)
    const { milliseconds, isAccepted, failure } = feedOnce(target, corpus, input, limitMs)
    const counted = counts[target.name]
    if (counted !== undefined) {
      counted.tried++
      if (isAccepted) counted.accepted++
    }
    if (milliseconds > worst.milliseconds) worst = { target: target.name, milliseconds }
    const problem =
      failure ?? (milliseconds > limitMs ? `took ${milliseconds.toFixed(1)} ms` : undefined)
    if (problem !== undefined && findings.length < 10) {
      const hex = Buffer.from(input).toString('hex')
      findings.push(`input ${number} of seed ${seed}, ${target.name}: ${problem}\n${hex}`)
    }
  }
  return { count, targets: counts, worst, findings }
}

function feedOnce(target: Target, corpus: FuzzCorpus, input: Uint8Array, limitMs: number) {
  let milliseconds = Number.POSITIVE_INFINITY
  let isAccepted = false
  let failure: string | undefined
  // A pause of a busy machine is not one of the codec: processor time counts where it is less than the wall clock's,
  // and what is slow has to be slow again.
  for (let attempt = 0; attempt < 3 && (attempt === 0 || milliseconds > limitMs); attempt++) {
    const start = performance.now()
    const cpuStart = process.cpuUsage()
    try {
      isAccepted = target.feed(corpus, input)
    } catch (error) {
      if (!(error instanceof ConnectorError)) failure = inspect(error)
    }
    const { user, system } = process.cpuUsage(cpuStart)
    milliseconds = Math.min(milliseconds, performance.now() - start, (user + system) / 1000)
  }
  return { milliseconds, isAccepted, failure }
}
