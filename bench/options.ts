import { parseArgs } from 'node:util'
import type { CaKeyType } from '../src/ca/index.ts'

/** What is measured, and how long. */
export interface BenchOptions {
  /** Keys of the issuing CA; the RA always has RSA-2048. */
  readonly variants: readonly Variant[]
  /** Length of one round of load, in seconds. */
  readonly seconds: number
  /** Length of one look at the limit of all cores, in milliseconds. */
  readonly limitMs: number
  /** Rounds of load against each server. */
  readonly rounds: number
  /** Interleaved slices of the limit and of the handler. */
  readonly slices: number
  readonly enrolmentsPerSlice: number
  /** Requests that each server gets before anything counts: its code is compiled while it runs. */
  readonly warmUpRequests: number
  /** Certificates in the register of the filled server; 0: there is none. */
  readonly filledWith: number
  /** PKCS items of one round, and key pairs that are made to see what one costs. */
  readonly pkcsItems: number
  readonly pkcsKeys: number
  /** Folder for CPU profiles of the servers; undefined: none, which is how figures are taken. */
  readonly profileDir: string | undefined
}

/** Keys of the issuing CA that are measured. */
export const variants = ['rsa2048', 'p256'] as const satisfies readonly CaKeyType[]
export type Variant = (typeof variants)[number]

export const usage = `npm run bench -- [options]
  --variant <rsa2048|p256>   one key of the issuing CA alone; default both
  --seconds <n>              length of one round of load, 1 to 30; default 5
  --quick                    seconds instead of minutes: shows that it works, figures are worth nothing
  --profile <folder>         writes CPU profiles of the servers there; falsifies the figures`

/**
 * Reads the arguments.
 *
 * @throws TypeError an argument is unknown or out of range; the message says which
 */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      variant: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      profile: { type: 'string' },
    },
  })
  const { quick } = values
  const chosen = variants.filter(
    (variant) => values.variant === undefined || values.variant === variant,
  )
  if (chosen.length === 0)
    throw new TypeError(`--variant ${values.variant} is none of ${variants.join(', ')}`)
  const seconds = Number(values.seconds ?? 5)
  if (!(seconds >= 1 && seconds <= 30)) throw new TypeError('--seconds must be 1 to 30')
  return {
    variants: chosen,
    seconds: quick && values.seconds === undefined ? 0.3 : seconds,
    limitMs: quick ? 150 : 1_500,
    rounds: quick ? 1 : 3,
    slices: quick ? 2 : 15,
    enrolmentsPerSlice: quick ? 20 : 60,
    warmUpRequests: quick ? 100 : 2_000,
    filledWith: quick ? 1_000 : 100_000,
    pkcsItems: quick ? 20 : 400,
    pkcsKeys: quick ? 2 : 60,
    profileDir: values.profile,
  }
}
