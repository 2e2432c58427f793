import { ConnectorError } from '../../kernel/index.ts'
import type { RequestedName } from '../../management/index.ts'
import {
  type Extension,
  encodeContext,
  encodeGeneralName,
  encodeNameText,
  encodeOtherName,
  encodeSubjectAltName,
  parseElement,
} from '../../pki/index.ts'

const MAX_NAMES = 500
const MAX_CHARACTERS = 4096

/** Kinds that are one text in a GeneralName. */
const plainKinds = {
  emailAddress: 'email',
  userPrincipalName: 'upn',
  domainNameService: 'dns',
  universalResourceIdentifier: 'uri',
  ipAddress: 'ip',
} as const

/**
 * subjectAltName from the names of a work item; undefined when it has none.
 *
 * An empty value (a user without e-mail) is refused here, because a CA's answer to it says nothing; so is a variable that
 * the service has not resolved.
 *
 * @throws ConnectorError `policy/not-willing` names the entry; `otherName` is `<oid>:<base64 of DER>`
 * @see pfx.md, 1.2 and 10.8
 */
export function encodeRequestedNames(names: readonly RequestedName[]): Extension | undefined {
  if (names.length > MAX_NAMES) throw refused(`${names.length} subject alternative names`)
  if (names.length === 0) return undefined
  return encodeSubjectAltName(names.map((name, index) => encodeName(name, index)))
}

function encodeName({ sanType, name }: RequestedName, index: number): Uint8Array {
  const which = `subject alternative name ${index + 1} (${sanType})`
  if (name.trim() === '') throw refused(`${which} is empty: the user or device has no such value`)
  if (name.length > MAX_CHARACTERS) throw refused(`${which} has ${name.length} characters`)
  if (/\{\{|\}\}/.test(name)) throw refused(`${which} has a variable that was not resolved`)
  if (/\p{Cc}/u.test(name)) throw refused(`${which} has a control character`)
  try {
    if (sanType === 'directoryName') return encodeContext(4, encodeNameText(name))
    if (sanType === 'otherName') return encodeOther(name)
    return encodeGeneralName(plainKinds[sanType], name)
  } catch (cause) {
    throw refused(`${which} cannot be encoded as one`, cause)
  }
}

function encodeOther(text: string): Uint8Array {
  const [, oid = '', base64 = ''] = /^([\d.]+):([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
  const value = new Uint8Array(Buffer.from(base64, 'base64'))
  parseElement(value)
  return encodeOtherName(oid, value)
}

function refused(what: string, cause?: unknown): ConnectorError {
  return new ConnectorError('policy/not-willing', what, cause === undefined ? {} : { cause })
}
