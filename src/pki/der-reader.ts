import { ConnectorError } from '../kernel/index.ts'

/** Universal and context-specific identifier octets, as they stand in a message (X.690, section 8.1.2). */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  t61String: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

const maxDepth = 32
const maxElements = 10_000
const noChildren: readonly DerElement[] = Object.freeze([])

/** One element of an encoding: a window on the bytes it was read from, never a copy. */
export class DerElement {
  /** The identifier octet, class and constructed bit included. */
  readonly tag: number
  /** Elements inside; empty for a primitive one. */
  readonly children: readonly DerElement[]
  /** Definite, minimal lengths and strings in one piece, here and in all children. Values and set order are not looked at. */
  readonly isDer: boolean
  readonly #bytes: Uint8Array
  readonly #start: number
  readonly #valueStart: number
  readonly #valueEnd: number
  readonly #end: number

  constructor(
    bytes: Uint8Array,
    tag: number,
    bounds: { start: number; valueStart: number; valueEnd: number; end: number },
    children: readonly DerElement[],
    isDer: boolean,
  ) {
    this.#bytes = bytes
    this.tag = tag
    this.#start = bounds.start
    this.#valueStart = bounds.valueStart
    this.#valueEnd = bounds.valueEnd
    this.#end = bounds.end
    this.children = children
    this.isDer = isDer
  }

  /** The whole element as received: identifier, length, value and, for an indefinite length, its end mark. */
  get der(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end)
  }

  /** The octets between the length and the end. */
  get value(): Uint8Array {
    return this.#bytes.subarray(this.#valueStart, this.#valueEnd)
  }

  /** Whether the constructed bit is set. */
  get isConstructed(): boolean {
    return (this.tag & 0x20) !== 0
  }
}

/** `pki/malformed`. The reason may be told to the sender: it names fields and numbers, never content. */
export function malformed(reason: string): ConnectorError {
  return new ConnectorError('pki/malformed', reason, { told: reason })
}

/**
 * Reads one element and everything inside it; nothing may follow it.
 *
 * Accepts BER: indefinite and non-minimal lengths, constructed strings. Bounds: 32 levels, 10,000 elements, no tag
 * number above 30, no length beyond the bytes that are there. Work is linear in the number of bytes.
 *
 * @throws ConnectorError `pki/malformed`
 * @see X.690, section 8; REQ-65, REQ-188
 */
export function parseElement(bytes: Uint8Array): DerElement {
  const reader = new Reader(bytes)
  const element = reader.readElement(0, bytes.length, 1)
  if (reader.end !== bytes.length) {
    throw malformed(`${bytes.length - reader.end} octets follow the outermost element`)
  }
  return element
}

/**
 * Like `parseElement`, but octets after the element are ignored (REQ-104).
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseLeadingElement(bytes: Uint8Array): DerElement {
  return new Reader(bytes).readElement(0, bytes.length, 1)
}

class Reader {
  /** Where the element that was read last ends. */
  end = 0
  readonly #bytes: Uint8Array
  #count = 0
  #length = 0
  #isMinimal = true

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  readElement(start: number, limit: number, depth: number): DerElement {
    if (depth > maxDepth) throw malformed(`more than ${maxDepth} levels of nesting`)
    if (++this.#count > maxElements) throw malformed(`more than ${maxElements} elements`)
    const tag = this.#octet(start, limit)
    if ((tag & 0x1f) === 0x1f) throw malformed(`tag number above 30 at offset ${start}`)
    if (tag === 0) throw malformed(`end mark without an indefinite length at offset ${start}`)
    const valueStart = this.#readLength(start + 1, limit)
    const length = this.#length
    const isMinimal = this.#isMinimal
    if (length < 0) return this.#readIndefinite(tag, start, valueStart, limit, depth)
    const valueEnd = valueStart + length
    if (valueEnd > limit) {
      throw malformed(`length ${length} at offset ${start} exceeds ${limit - valueStart} octets`)
    }
    let children = noChildren
    let isDer = isMinimal && !isStringInPieces(tag)
    if ((tag & 0x20) !== 0) {
      const found: DerElement[] = []
      for (let at = valueStart; at < valueEnd; at = this.end) {
        const child = this.readElement(at, valueEnd, depth + 1)
        isDer &&= child.isDer
        found.push(child)
      }
      children = found
    }
    this.end = valueEnd
    return new DerElement(
      this.#bytes,
      tag,
      { start, valueStart, valueEnd, end: valueEnd },
      children,
      isDer,
    )
  }

  #readIndefinite(
    tag: number,
    start: number,
    valueStart: number,
    limit: number,
    depth: number,
  ): DerElement {
    if ((tag & 0x20) === 0) throw malformed(`indefinite length of a primitive at offset ${start}`)
    const children: DerElement[] = []
    let at = valueStart
    while (this.#octet(at, limit) !== 0) {
      children.push(this.readElement(at, limit, depth + 1))
      at = this.end
    }
    if (this.#octet(at + 1, limit) !== 0) throw malformed(`broken end mark at offset ${at}`)
    this.end = at + 2
    const bounds = { start, valueStart, valueEnd: at, end: at + 2 }
    return new DerElement(this.#bytes, tag, bounds, children, false)
  }

  /** Leaves the length in `#length`, -1 for an indefinite one, and returns where the value starts. */
  #readLength(at: number, limit: number): number {
    const first = this.#octet(at, limit)
    this.#isMinimal = true
    if (first < 0x80) {
      this.#length = first
      return at + 1
    }
    if (first === 0x80) {
      this.#length = -1
      return at + 1
    }
    const count = first & 0x7f
    const valueStart = at + 1 + count
    if (valueStart > limit) throw malformed(`length octets at offset ${at} are cut off`)
    let length = 0
    for (let i = at + 1; i < valueStart; i++) {
      length = length * 256 + this.#octet(i, limit)
      if (length > 0x7fff_ffff) throw malformed(`length at offset ${at} is too large`)
    }
    this.#isMinimal = this.#octet(at + 1, limit) !== 0 && length > 0x7f
    this.#length = length
    return valueStart
  }

  #octet(at: number, limit: number): number {
    const octet = at < limit ? this.#bytes[at] : undefined
    if (octet === undefined) throw malformed(`element is cut off at offset ${at}`)
    return octet
  }
}

/** Of the universal types only SEQUENCE and SET are constructed in DER (X.690, section 10.2). */
function isStringInPieces(tag: number): boolean {
  return (tag & 0xe0) === 0x20 && tag !== TAG.sequence && tag !== TAG.set
}

/**
 * The child at a position, which must be there and have this tag.
 *
 * @param what name of the field, for the message
 * @throws ConnectorError `pki/malformed`
 */
export function getChild(parent: DerElement, index: number, tag: number, what: string): DerElement {
  const child = parent.children[index]
  if (child === undefined) throw malformed(`${what} is missing`)
  return checkedTag(child, tag, what)
}

/**
 * The element itself, when it has this tag.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function checkedTag(element: DerElement, tag: number, what: string): DerElement {
  if (element.tag !== tag) {
    throw malformed(`${what} has tag 0x${element.tag.toString(16)}, not 0x${tag.toString(16)}`)
  }
  return element
}

/** The first child with this tag, from a position on. */
export function findChild(parent: DerElement, tag: number, from = 0): DerElement | undefined {
  for (let i = from; i < parent.children.length; i++) {
    const child = parent.children[i]
    if (child !== undefined && child.tag === tag) return child
  }
  return undefined
}
