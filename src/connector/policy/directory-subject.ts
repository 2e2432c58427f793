import type { DirectorySubject } from '../../management/index.ts'
import {
  type CertificationRequest,
  findExtension,
  findNameValues,
  OID,
  parseSubjectAltName,
} from '../../pki/index.ts'

/** Intune's URI for network access control: `IntuneDeviceId://<guid>`. */
const DEVICE_URI = /^IntuneDeviceId:\/\/(.*)$/i
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Entra ID allows 64 characters before the @ and 48 after; guests have a little more. */
const MAX_USER_NAME = 256

/** Whom a request names, as far as the directory can know it. */
export type NamedSubject =
  | { readonly kind: 'named'; readonly subject: DirectorySubject }
  | { readonly kind: 'nobody' }
  /** For people: why it cannot be said who it is. */
  | { readonly kind: 'unclear'; readonly problem: string }

/**
 * Who a certificate is for: the user of the UPN in the subjectAltName, or of a common name with an `@`; else the device
 * of an IntuneDeviceId URI, or of a common name that is a GUID. A user comes first, because certificates of users carry
 * the URI of their device too. The names are only as good as the validation of the challenge that covers them.
 *
 * @throws ConnectorError `pki/malformed` the subjectAltName cannot be read
 * @see Microsoft, "Create and assign SCEP certificate profiles in Intune"; REQ-127
 */
export function findDirectorySubject(
  csr: Pick<CertificationRequest, 'subjectDer' | 'extensions'>,
): NamedSubject {
  const extension = findExtension(csr.extensions, OID.subjectAltName)
  const names = extension === undefined ? [] : parseSubjectAltName(extension.valueDer)
  const commonNames = findNameValues(csr.subjectDer, OID.commonName)

  const principals = names.filter(({ kind }) => kind === 'upn').map(({ value }) => value)
  const users = distinct(
    principals.length > 0 ? principals : commonNames.filter((name) => name.includes('@')),
  )
  if (users.length > 1) return unclear('the request names more than one user')
  const [userPrincipalName] = users
  if (userPrincipalName !== undefined) {
    if (userPrincipalName.length > MAX_USER_NAME) return unclear('the name of the user is too long')
    return { kind: 'named', subject: { kind: 'user', userPrincipalName } }
  }

  const uris = distinct(
    names.flatMap(({ kind, value }) =>
      kind === 'uri' ? [DEVICE_URI.exec(value)?.[1]].filter((id) => id !== undefined) : [],
    ),
  )
  if (uris.length > 1) return unclear('the subjectAltName names more than one device')
  const [managedId] = uris
  if (managedId !== undefined) {
    if (!GUID.test(managedId)) return unclear('the IntuneDeviceId of the request is no GUID')
    return { kind: 'named', subject: { kind: 'managed-device', id: managedId } }
  }

  const ids = distinct(commonNames.filter((name) => GUID.test(name)))
  if (ids.length > 1) return unclear('the subject names more than one device')
  const [id] = ids
  return id === undefined ? { kind: 'nobody' } : { kind: 'named', subject: { kind: 'device', id } }
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.toLowerCase()))]
}

function unclear(problem: string): NamedSubject {
  return { kind: 'unclear', problem }
}
