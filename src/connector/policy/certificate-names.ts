import { ConnectorError } from '../../kernel/index.ts'
import {
  type CertificationRequest,
  findExtension,
  findText,
  type GeneralName,
  OID,
  parseElement,
  parseSubjectAltName,
  TAG,
} from '../../pki/index.ts'

// oxlint-disable-next-line no-control-regex -- control characters are what this looks for
const CONTROLS = /[\u0000-\u001f\u007f]/
const IA5_NAME = /^[\u0020-\u007e]+$/

/**
 * What is wrong with a subject that a certificate would copy byte for byte: a NUL or another control character makes
 * programs read different names out of the same octets, and octets that are no UTF-8 none at all.
 *
 * @param subjectDer DER of a Name that has been read before
 * @returns undefined when nothing is; values of types that are no text are not looked at
 */
export function findSubjectProblem(subjectDer: Uint8Array): string | undefined {
  for (const rdn of parseElement(subjectDer).children) {
    for (const { children } of rdn.children) {
      const value = children[1]
      if (value === undefined) continue
      const text = findText(value)
      if (text === undefined && value.tag === TAG.utf8String) return 'the subject is no valid UTF-8'
      if (text !== undefined && CONTROLS.test(text)) return 'the subject holds a control character'
    }
  }
  return undefined
}

/**
 * What is wrong with a subjectAltName that a certificate would copy byte for byte. It must be DER and not empty; names
 * in IA5String are printable ASCII, addresses have 4 or 16 octets.
 *
 * @returns undefined when nothing is
 * @see RFC 5280, section 4.2.1.6
 */
export function findAltNameProblem(
  valueDer: Uint8Array,
  names: readonly GeneralName[],
): string | undefined {
  if (!parseElement(valueDer).isDer) return 'subjectAltName is not in DER'
  if (names.length === 0) return 'subjectAltName is empty'
  for (const { kind, value, der } of names) {
    switch (kind) {
      case 'dns':
      case 'email':
      case 'uri':
        if (!IA5_NAME.test(value)) return `${kind} of the subjectAltName is not printable ASCII`
        break
      case 'ip':
        if (der.length !== 6 && der.length !== 18) return 'ip of the subjectAltName is no address'
        break
      case 'upn':
        if (CONTROLS.test(value)) return 'upn of the subjectAltName holds a control character'
        break
      case 'dirName':
      case 'registeredId':
      case 'otherName':
      case 'x400Address':
      case 'ediPartyName':
        break
    }
  }
  return undefined
}

/** What nobody sees, or what makes other characters look like something else. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu

/**
 * The alternative names of a request, for a person who decides about it: all of them, each in quotes, so that none passes
 * for two.
 *
 * @returns empty when there are none
 */
export function describeAltNames({ extensions }: Pick<CertificationRequest, 'extensions'>): string {
  const extension = findExtension(extensions, OID.subjectAltName)
  if (extension === undefined) return ''
  try {
    return parseSubjectAltName(extension.valueDer)
      .map(({ kind, value }) => `${kind} ${JSON.stringify(value).replaceAll(INVISIBLE, escape)}`)
      .join(', ')
  } catch (error) {
    if (error instanceof ConnectorError && error.code === 'pki/malformed') return 'cannot be read'
    throw error
  }
}

function escape(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`
}
