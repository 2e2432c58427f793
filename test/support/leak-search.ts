import { KeyObject } from 'node:crypto'

/** Searches what a stranger could read for secrets, in whatever form they may have been written. */
export interface LeakSearch {
  /** A text, or a private key, of which each number that gives it away is searched for. */
  add(name: string, secret: string | KeyObject): void
  /** Something to read afterwards, and where it was. The same place again: the later content. */
  look(place: string, content: string | Uint8Array): void
  /** Everything that was looked at. */
  listPlaces(): readonly string[]
  /** `the … is in …` for each secret in each place; empty when nothing leaked. */
  listLeaks(): readonly string[]
}

/** What of a secret is searched for: every part gives it away. */
interface Sought {
  readonly name: string
  readonly parts: readonly Buffer[]
}

export function createLeakSearch(): LeakSearch {
  const secrets: Sought[] = []
  const seen = new Map<string, Buffer>()
  return {
    add(name, secret) {
      if (!(secret instanceof KeyObject)) secrets.push({ name, parts: partsOfText(secret) })
      else
        for (const { what, octets } of privateNumbersOf(secret))
          secrets.push({ name: `${what} of the ${name}`, parts: partsOfOctets(octets) })
    },
    look(place, content) {
      seen.set(place, Buffer.from(content))
    },
    listPlaces: () => [...seen.keys()],
    listLeaks() {
      const sought = secrets.map(({ name, parts }) => ({ name, needles: parts.flatMap(formsOf) }))
      return [...seen].flatMap(([place, content]) => {
        const readings = readingsOf(content)
        return sought
          .filter(({ needles }) =>
            needles.some((needle) => readings.some((reading) => reading.includes(needle))),
          )
          .map(({ name }) => `the ${name} is in ${place}`)
      })
    },
  }
}

/** Of a long one three parts from its middle and end: the beginnings of tokens are alike. */
function partsOfText(text: string): readonly Buffer[] {
  if (text.length < 200) return [Buffer.from(text)]
  return [0.3, 0.6, 0.9].map((at) => {
    const from = Math.floor(text.length * at)
    return Buffer.from(text.slice(from, from + 60))
  })
}

/** Two parts within 48 octets, which is a line of PEM: wherever such a line ends, it cuts one of them at most. */
function partsOfOctets(octets: Buffer): readonly Buffer[] {
  const first = octets.subarray(0, 48)
  const size = Math.floor(first.length * 0.4)
  return [first.subarray(0, size), first.subarray(-size)]
}

function privateNumbersOf(key: KeyObject) {
  const { d, p } = key.export({ format: 'jwk' })
  return Object.entries({ exponent: d, prime: p }).flatMap(([what, text]) =>
    text === undefined ? [] : [{ what, octets: Buffer.from(text, 'base64url') }],
  )
}

/** A content, and what it is when lists of numbers are written plainly: JSON numbers typed arrays, Node breaks lines. */
function readingsOf(content: Buffer): readonly Buffer[] {
  const text = content.toString('latin1')
  const plain = text.replaceAll(/\\*"\d{1,5}\\*":/g, '').replaceAll(/,(?:\s|\\n)+/g, ',')
  return plain.length === text.length ? [content] : [content, Buffer.from(plain, 'latin1')]
}

/** As it is, in UTF-16, in hexadecimal, as numbers, and in base64 wherever that begins. */
function formsOf(part: Buffer): readonly Buffer[] {
  const hex = part.toString('hex')
  const inBase64 = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), part])
      .toString('base64')
      .slice(4, -4),
  )
  return [
    part,
    Buffer.from([...part].flatMap((octet) => [octet, 0])),
    ...[
      hex,
      hex.toUpperCase(),
      part.join(','),
      ...inBase64,
      ...inBase64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    ].map((text) => Buffer.from(text)),
  ]
}
