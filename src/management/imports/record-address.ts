import { ConnectorError } from '../../kernel/index.ts'

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The key of a record: the user's id without dashes, a dash, the thumbprint. */
export function recordKeyOf(userId: string, thumbprint: string): string {
  if (!isGuid(userId) || !/^[0-9a-f]{40}$/.test(thumbprint))
    throw new ConnectorError(
      'internal/bug',
      'a record was asked for by something else than its key',
    )
  return `${userId.replaceAll('-', '').toLowerCase()}-${thumbprint}`
}

/** Whether it is the id of a user. */
export function isGuid(text: string): boolean {
  return GUID.test(text)
}

/** A query with a filter of OData. */
export function filterQuery(expression: string): string {
  return `$filter=${encodeURIComponent(expression)}`
}

/** The filter for a user's records: names are compared in lower case. */
export function recordsOfUser(userPrincipalName: string): string {
  return filterQuery(
    `tolower(userPrincipalName) eq ${quoteLiteral(userPrincipalName.toLowerCase())}`,
  )
}

/** A literal of OData: a quote inside is doubled. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
