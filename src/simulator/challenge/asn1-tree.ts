import * as asn1js from 'asn1js'

/**
 * Walks a tree of asn1js by position. pkijs compares each level with a schema, which costs six times as much as all the
 * cryptography of a challenge; its classes still write the challenges and read everything else.
 */

/** Thrown inside this room only: the bytes are not the structure that was looked for. */
class UnexpectedStructure extends Error {}

/** The one value that fills these bytes. @throws whatever asn1js dislikes about the bytes */
export function parseTree(der: Uint8Array): asn1js.BaseBlock {
  const { result, offset } = asn1js.fromBER(der)
  if (offset !== der.byteLength) throw new UnexpectedStructure('trailing or unreadable bytes')
  return result
}

/** A child of a constructed value. Negative positions count from the end. */
export function childAt(block: asn1js.BaseBlock, ...path: readonly number[]): asn1js.BaseBlock {
  let found = block
  for (const position of path) {
    const children = childrenOf(found)
    const child = children.at(position)
    if (!child) throw new UnexpectedStructure('a value is missing')
    found = child
  }
  return found
}

/** Children of a SEQUENCE, a SET or an explicit tag. */
export function childrenOf(block: asn1js.BaseBlock): readonly asn1js.BaseBlock[] {
  // Sequence, Set and tagged values are all of this class.
  if (block instanceof asn1js.Constructed) return block.valueBlock.value
  throw new UnexpectedStructure('a value is not constructed')
}

/** Dotted form of an OBJECT IDENTIFIER. */
export function oidOf(block: asn1js.BaseBlock): string {
  if (block instanceof asn1js.ObjectIdentifier) return block.getValue()
  throw new UnexpectedStructure('a value is not an OBJECT IDENTIFIER')
}

/** Content of an OCTET STRING. */
export function octetsOf(block: asn1js.BaseBlock): Uint8Array {
  if (block instanceof asn1js.OctetString) return new Uint8Array(block.getValue())
  throw new UnexpectedStructure('a value is not an OCTET STRING')
}

/** The bytes of a value as received, tag and length included. */
export function derOf(block: asn1js.BaseBlock): Uint8Array {
  return block.valueBeforeDecodeView
}

/** Whether a value has this context-specific tag. */
export function hasTag(block: asn1js.BaseBlock, tagNumber: number): boolean {
  return block.idBlock.tagClass === 3 && block.idBlock.tagNumber === tagNumber
}
