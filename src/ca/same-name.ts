import { equalBytes } from '../kernel/index.ts'
import { type DerElement, findText, parseElement, parseOid } from '../pki/index.ts'

/**
 * Whether two Names say the same: the same attributes with the same text in the same order. String types may differ, since
 * many CAs rewrite PrintableString as UTF8String; case and spaces may not.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function isSameName(aDer: Uint8Array, bDer: Uint8Array): boolean {
  return (
    equalBytes(aDer, bDer) ||
    isSameList(parseElement(aDer).children, parseElement(bDer).children, isSameRdn)
  )
}

function isSameRdn(a: DerElement, b: DerElement): boolean {
  return isSameList(a.children, b.children, isSameAttribute)
}

function isSameAttribute(a: DerElement, b: DerElement): boolean {
  const [aType, aValue] = a.children
  const [bType, bValue] = b.children
  if (!aType || !aValue || !bType || !bValue || parseOid(aType) !== parseOid(bType)) return false
  if (equalBytes(aValue.der, bValue.der)) return true
  const text = findText(aValue)
  return text !== undefined && text === findText(bValue)
}

function isSameList(
  a: readonly DerElement[],
  b: readonly DerElement[],
  isSame: (a: DerElement, b: DerElement) => boolean,
): boolean {
  return (
    a.length === b.length &&
    a.every((element, index) => {
      const other = b[index]
      return other !== undefined && isSame(element, other)
    })
  )
}
