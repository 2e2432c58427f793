import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'

/** Keys that are made for devices. */
export type KeyPairKind = 'rsa2048' | 'rsa3072' | 'rsa4096' | 'p256' | 'p384' | 'p521'

/** A new private key. Whoever took it clears `keyDer`. */
export interface KeyPair {
  /** PKCS #8 PrivateKeyInfo. */
  readonly keyDer: Uint8Array
  readonly spkiDer: Uint8Array
}

/** Makes key pairs, some of them ahead. */
export interface KeyPairs {
  take(kind: KeyPairKind): Promise<KeyPair>
  /** Makes none any more, and clears those that nobody took. */
  stop(): void
}

const generate = promisify(generateKeyPair)
const curves = { p256: 'P-256', p384: 'P-384', p521: 'P-521' } as const
const sizes = { rsa2048: 2048, rsa3072: 3072, rsa4096: 4096 } as const

/**
 * Makes one in a thread of the runtime's pool, which leaves the event loop free: some tenths of a second for RSA-2048,
 * seconds for RSA-4096.
 */
export async function generateKeys(kind: KeyPairKind): Promise<KeyPair> {
  const { privateKey, publicKey } =
    kind === 'rsa2048' || kind === 'rsa3072' || kind === 'rsa4096'
      ? await generate('rsa', { modulusLength: sizes[kind] })
      : await generate('ec', { namedCurve: curves[kind] })
  return {
    keyDer: new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' })),
    spkiDer: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
  }
}

/**
 * Keeps some RSA pairs of each size that was asked for, in memory only, so that a burst need not wait for primes. They
 * are made one after the other, while nobody waits for one.
 *
 * @param ahead how many of each size; EC pairs take no time and are not kept
 */
export function createKeyPairs(ahead: number, make = generateKeys): KeyPairs {
  const spare = new Map<KeyPairKind, KeyPair[]>()
  let waiting = 0
  let isFilling = false
  let isStopped = false

  async function fill(): Promise<void> {
    if (isFilling) return
    isFilling = true
    try {
      for (;;) {
        const short = [...spare].find(([, pairs]) => pairs.length < ahead)
        if (short === undefined || waiting > 0 || isStopped) return
        const pair = await make(short[0])
        if (isStopped) pair.keyDer.fill(0)
        else short[1].push(pair)
      }
    } finally {
      isFilling = false
    }
  }

  return {
    async take(kind) {
      if (!kind.startsWith('rsa')) return await make(kind)
      const pairs = spare.get(kind) ?? []
      spare.set(kind, pairs)
      const ready = pairs.shift()
      waiting += 1
      try {
        return ready ?? (await make(kind))
      } finally {
        waiting -= 1
        // One that could not be made ahead is made when it is asked for, and fails there.
        void fill().catch(() => undefined)
      }
    },
    stop() {
      isStopped = true
      for (const pair of [...spare.values()].flat()) pair.keyDer.fill(0)
      spare.clear()
    },
  }
}
