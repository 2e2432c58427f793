import { type DerElement, encodeElement, parseElement } from '../../../src/pki/index.ts'
import type { RandomSource } from './random-source.ts'

type Mutation = (bytes: Uint8Array, random: RandomSource, other: Uint8Array) => Uint8Array

/** Changes a message in one to four ways. The result has a bounded size; `other` lends parts to splice in. */
export function mutate(bytes: Uint8Array, random: RandomSource, other: Uint8Array): Uint8Array {
  let mutated = bytes
  for (let left = 1 + random.below(4); left > 0; left--) {
    mutated = random.pick(mutations)(mutated, random, other)
  }
  return mutated.length > 65_536 ? mutated.subarray(0, 65_536) : mutated
}

const flipBit: Mutation = (bytes, random) => {
  const mutated = Uint8Array.from(bytes)
  const at = random.below(bytes.length)
  mutated[at] = (mutated[at] ?? 0) ^ (1 << random.below(8))
  return mutated
}

const overwrite: Mutation = (bytes, random) => {
  const mutated = Uint8Array.from(bytes)
  mutated[random.below(bytes.length)] = random.pick([
    0, 1, 0x7f, 0x80, 0x81, 0x84, 0xff, 0x1f, 0x30,
  ])
  return mutated
}

const truncate: Mutation = (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1))

const splice: Mutation = (bytes, random, other) => {
  const from = random.below(other.length + 1)
  const part = other.subarray(from, from + random.below(400))
  const at = random.below(bytes.length + 1)
  const replaced = random.below(2) * part.length
  return new Uint8Array(Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at + replaced)]))
}

/** Changes the tree instead of its bytes and encodes it again with lengths that fit. */
const rebuild: Mutation = (bytes, random, other) => {
  const tree = findTree(bytes)
  if (tree === undefined) return flipBit(bytes, random, other)
  let left = random.below(countElements(tree))
  const visit = (element: DerElement): Uint8Array[] => {
    if (left-- === 0) return changeElement(element, random, other)
    if (!element.isConstructed) return [element.der]
    return [encodeElement(element.tag, ...element.children.flatMap(visit))]
  }
  return new Uint8Array(Buffer.concat(visit(tree)))
}

function changeElement(element: DerElement, random: RandomSource, other: Uint8Array): Uint8Array[] {
  const { der, tag, value } = element
  switch (random.below(9)) {
    case 0:
      return []
    case 1:
      return [der, der]
    case 2:
      return Array.from({ length: random.below(200) }, () => der)
    case 3:
      return [encodeElement(random.below(256), value)]
    case 4:
      return [encodeElement(tag, value.subarray(0, random.below(value.length + 1)))]
    case 5:
      return [encodeElement(tag, value, other.subarray(0, random.below(50)))]
    case 6:
      return [
        new Uint8Array(
          Buffer.concat([Uint8Array.of(tag | 0x20, 0x80), value, Uint8Array.of(0, 0)]),
        ),
      ]
    case 7:
      return [wrap(der, random.below(40))]
    default:
      return [encodeElement(tag, ...element.children.map((child) => child.der).toReversed())]
  }
}

function wrap(der: Uint8Array, levels: number): Uint8Array {
  let wrapped = der
  for (let i = 0; i < levels && wrapped.length < 20_000; i++) wrapped = encodeElement(0x30, wrapped)
  return wrapped
}

/** Writes another length over one that stands somewhere in the message. */
const editLength: Mutation = (bytes, random, other) => {
  const tree = findTree(bytes)
  if (tree === undefined) return overwrite(bytes, random, other)
  const target = pickElement(tree, random)
  const at = target.der.byteOffset - bytes.byteOffset + 1
  const mutated = Uint8Array.from(bytes)
  mutated[at + random.below(3)] = random.below(256)
  return mutated
}

function pickElement(tree: DerElement, random: RandomSource): DerElement {
  let found = tree
  while (found.children.length > 0 && random.below(5) > 0) found = random.pick(found.children)
  return found
}

function countElements(element: DerElement): number {
  return element.children.reduce((sum, child) => sum + countElements(child), 1)
}

function findTree(bytes: Uint8Array): DerElement | undefined {
  try {
    return parseElement(bytes)
  } catch {
    // Mutated before: it is no tree any more, and byte mutations take over.
    return undefined
  }
}

const mutations: readonly Mutation[] = [
  flipBit,
  overwrite,
  truncate,
  splice,
  editLength,
  rebuild,
  rebuild,
  rebuild,
]
