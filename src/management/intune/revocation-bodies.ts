import { ConnectorError } from '../../kernel/index.ts'
import { isJsonObject } from '../http/json-object.ts'
import type { UnreadableItem, WorkErrorCode, WorkItem, WorkResult } from '../work-queue.ts'

const MAX_CONTEXT = 4_096
const MAX_SERIAL = 256
const MAX_TEXT = 2_048
const MAX_MESSAGE = 255

/** CARequestErrorCode (intune-api 4.5): what each name is as a number. Those from 4100 on are offered again. */
const ERROR_NUMBERS: Readonly<Record<WorkErrorCode, number>> = {
  NonRetryableServiceException: 4000,
  DataSerializationError: 4001,
  ParameterDataInvalidError: 4002,
  CryptographyError: 4003,
  CertificateNotFoundError: 4004,
  ConflictError: 4005,
  NotSupportedError: 4006,
  PayloadTooLargeError: 4007,
  RetryableServiceException: 4100,
  ServiceUnavailableException: 4101,
  ServiceTooBusyException: 4102,
  AuthenticationException: 4103,
}

/** What a download brought, apart from what only the queue knows. */
export interface DownloadedRevocations {
  readonly items: readonly WorkItem<'revocation'>[]
  readonly unreadable: readonly UnreadableItem[]
  /** Entries without a requestContext: nobody can answer them. */
  readonly passedOver: number
}

/**
 * Body of `downloadRevocationRequests`. The filter stays open: Intune compares it with caConfiguration, and only after
 * it cut the list, so that with requests of other CAs in front a filtered list would be empty for ever.
 *
 * @throws ConnectorError `internal/bug` out of range; nothing was sent
 * @see intune-api.md, 4.1 and 4.3
 */
export function encodeDownloadBody(maxRequests: number): string {
  if (!Number.isInteger(maxRequests) || maxRequests < 1 || maxRequests > 500)
    throw new ConnectorError('internal/bug', `maxRequests is ${maxRequests}: give 1 to 500`)
  return JSON.stringify({ downloadParameters: { maxRequests, issuerName: null } })
}

/**
 * Reads the answer of a download. Member names count in any case, others are ignored.
 *
 * @returns undefined when `value` is no list of objects
 */
export function parseDownloadResult(body: string): DownloadedRevocations | undefined {
  const value = memberOf(parseJson(body), 'value')
  if (!Array.isArray(value)) return undefined
  const items: WorkItem<'revocation'>[] = []
  const unreadable: UnreadableItem[] = []
  for (const entry of value as readonly unknown[]) {
    if (!isJsonObject(entry)) return undefined
    const context = memberOf(entry, 'requestContext')
    if (!isText(context, MAX_CONTEXT)) continue
    const item = parseItem(context, entry)
    if ('problem' in item) unreadable.push(item)
    else items.push(item)
  }
  return { items, unreadable, passedOver: value.length - items.length - unreadable.length }
}

function parseItem(
  requestContext: string,
  entry: Readonly<Record<string, unknown>>,
): WorkItem<'revocation'> | UnreadableItem {
  const unreadable = (problem: string): UnreadableItem => ({
    requestContext,
    lease: undefined,
    errorCode: 'DataSerializationError',
    problem,
  })
  const serialNumber = memberOf(entry, 'serialNumber')
  if (!isText(serialNumber, MAX_SERIAL)) return unreadable('serialNumber is no text of usual size')
  const [issuerName, caConfiguration] = [
    memberOf(entry, 'issuerName'),
    memberOf(entry, 'caConfiguration'),
  ].map((found) => found ?? '')
  if (!isOptionalText(issuerName)) return unreadable('issuerName is no text of usual size')
  if (!isOptionalText(caConfiguration))
    return unreadable('caConfiguration is no text of usual size')
  return {
    requestContext,
    lease: undefined,
    expires: undefined,
    request: {
      serialNumber,
      issuerName: issuerName || undefined,
      caConfiguration: caConfiguration || undefined,
      thumbprintHex: undefined,
      reason: undefined,
      deviceId: undefined,
      userId: undefined,
    },
  }
}

/**
 * Body of `uploadRevocationResults`. A success carries neither code nor message, a failure both: Microsoft's libraries
 * refuse anything else before they send it.
 *
 * @throws ConnectorError `internal/bug` no results, or a blank context or message; nothing was sent
 * @see intune-api.md, 4.2
 */
export function encodeUploadBody(
  results: readonly WorkResult<'revocation'>[],
  form: 'name' | 'number',
): string {
  if (results.length === 0) throw new ConnectorError('internal/bug', 'there are no results')
  return JSON.stringify({
    results: results.map(({ requestContext, end }) => {
      if (requestContext.trim() === '')
        throw new ConnectorError('internal/bug', 'requestContext is blank')
      if (end.succeeded)
        return { requestContext, succeeded: true, errorCode: form === 'name' ? 'None' : '0' }
      if (end.errorMessage.trim() === '')
        throw new ConnectorError('internal/bug', 'errorMessage is blank')
      return {
        requestContext,
        succeeded: false,
        errorCode: form === 'name' ? end.errorCode : String(ERROR_NUMBERS[end.errorCode]),
        errorMessage: end.errorMessage.slice(0, MAX_MESSAGE).toWellFormed(),
      }
    }),
  })
}

/** Whether Intune says that it recorded the results: `value` true, or its text. Anything else is a no. */
export function parseUploadResult(body: string): boolean {
  const value = memberOf(parseJson(body), 'value')
  return value === true || (typeof value === 'string' && value.toLowerCase() === 'true')
}

function memberOf(object: unknown, name: string): unknown {
  if (!isJsonObject(object)) return undefined
  if (Object.hasOwn(object, name)) return object[name]
  const wanted = name.toLowerCase()
  return Object.entries(object).find(([key]) => key.toLowerCase() === wanted)?.[1]
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isText(value: unknown, most: number): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= most
}

function isOptionalText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_TEXT
}
