import { toBase64 } from '../../kernel/index.ts'
import type { JsonObject } from '../http/json-object.ts'
import type { ImportedPfx, ImportedPfxRecord } from '../ports.ts'

/**
 * The body of a POST or PATCH. Without `id`, which the service makes; the enumerations as Graph documents them.
 *
 * @see pfx.md, 2.1
 */
export function encodeUserPfxCertificate(record: ImportedPfxRecord, now: Date): JsonObject {
  return {
    thumbprint: record.thumbprint,
    intendedPurpose: record.intendedPurpose,
    userPrincipalName: record.userPrincipalName,
    startDateTime: record.startDateTime.toISOString(),
    expirationDateTime: record.expirationDateTime.toISOString(),
    providerName: record.providerName,
    keyName: record.keyName,
    paddingScheme: record.paddingScheme,
    encryptedPfxBlob: toBase64(record.encryptedPfxBlob),
    encryptedPfxPassword: toBase64(record.encryptedPfxPassword),
    createdDateTime: now.toISOString(),
    lastModifiedDateTime: now.toISOString(),
  }
}

/**
 * Reads a record that Graph lists. Microsoft's own tool writes the names of enumerations with a capital letter; they are
 * made one here.
 *
 * @returns undefined without a thumbprint or a date that can be read; other members that are missing are empty
 */
export function parseUserPfxCertificate(entry: JsonObject): ImportedPfx | undefined {
  const thumbprint = textOf(entry['thumbprint']).toLowerCase()
  const startDateTime = dateOf(entry['startDateTime'])
  const expirationDateTime = dateOf(entry['expirationDateTime'])
  if (!/^[0-9a-f]{40}$/.test(thumbprint)) return undefined
  if (startDateTime === undefined || expirationDateTime === undefined) return undefined
  return {
    thumbprint,
    userPrincipalName: textOf(entry['userPrincipalName']),
    intendedPurpose: nameOf(entry['intendedPurpose']),
    providerName: textOf(entry['providerName']),
    keyName: textOf(entry['keyName']),
    paddingScheme: nameOf(entry['paddingScheme']),
    startDateTime,
    expirationDateTime,
    lastModifiedDateTime: dateOf(entry['lastModifiedDateTime']),
  }
}

function nameOf(value: unknown): string {
  const text = textOf(value)
  return text.slice(0, 1).toLowerCase() + text.slice(1)
}

/** What is shown on a terminal has no control characters. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 1024).replaceAll(/\p{C}/gu, '?') : ''
}

function dateOf(value: unknown): Date | undefined {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(at) ? undefined : new Date(at)
}
