import { randomUUID } from 'node:crypto'
import { type Clock, ConnectorError } from '../../kernel/index.ts'
import { filterQuery, quoteLiteral, recordKeyOf, recordsOfUser } from '../imports/record-address.ts'
import { encodeUserPfxCertificate, parseUserPfxCertificate } from '../imports/user-pfx-record.ts'
import type { ImportedPfx, PfxImports } from '../ports.ts'
import type { ServiceConnection } from './connection.ts'
import { operations } from './wire/operations.ts'

const MAX_PAGES = 200

/**
 * The imported PFX that the open service keeps. Paths and bodies are those of Graph beta; the caller is the enrolled
 * connector.
 */
export function createImports(connection: ServiceConnection, clock: Clock): PfxImports {
  const begin = (signal: AbortSignal) => ({ activityId: randomUUID(), signal })

  return {
    async findUserId(userPrincipalName, signal) {
      const query = filterQuery(`userPrincipalName eq ${quoteLiteral(userPrincipalName)}`)
      const { value } = await connection.call(operations.findUsers, undefined, {
        ...begin(signal),
        query,
      })
      const isSame = (name: string): boolean =>
        name.toLowerCase() === userPrincipalName.toLowerCase()
      return value.value.find((user) => isSame(user.userPrincipalName))?.id
    },

    async list(userPrincipalName, signal) {
      const found: ImportedPfx[] = []
      let query = userPrincipalName === undefined ? '' : recordsOfUser(userPrincipalName)
      for (let page = 0; page < MAX_PAGES; page += 1) {
        const call = { ...begin(signal), query }
        const { value } = await connection.call(operations.listImports, undefined, call)
        found.push(...value.value.map(toImported))
        const link = value['@odata.nextLink']
        if (link === undefined || link === '') return found
        query = queryOf(link)
      }
      throw badAnswer(`a list of more than ${MAX_PAGES} pages`)
    },

    async find(userId, thumbprint, signal) {
      const call = { ...begin(signal), key: recordKeyOf(userId, thumbprint) }
      try {
        const { value } = await connection.call(operations.findImport, undefined, call)
        return toImported(value)
      } catch (failure) {
        if (isNotFound(failure)) return undefined
        throw failure
      }
    },

    async add(record, signal) {
      const body = encodeUserPfxCertificate(record, clock.now())
      await connection.call(operations.addImport, body as never, begin(signal))
    },

    async replace(userId, record, signal) {
      const call = { ...begin(signal), key: recordKeyOf(userId, record.thumbprint) }
      const body = encodeUserPfxCertificate(record, clock.now())
      await connection.call(operations.replaceImport, body as never, call)
    },

    async remove(userId, thumbprint, signal) {
      const call = { ...begin(signal), key: recordKeyOf(userId, thumbprint) }
      try {
        await connection.call(operations.removeImport, undefined, call)
        return true
      } catch (failure) {
        if (isNotFound(failure)) return false
        throw failure
      }
    },

    async listDeliveries(userId, thumbprint, signal) {
      const call = { ...begin(signal), key: recordKeyOf(userId, thumbprint) }
      const { value } = await connection.call(operations.listDeliveries, undefined, call)
      return value.value.map((one) => ({
        deviceId: one.deviceId,
        state: one.state,
        at: new Date(one.lastModifiedDateTime),
        problem: one.errorMessage ?? one.errorCode ?? undefined,
      }))
    },
  }
}

function toImported(entry: Readonly<Record<string, unknown>>): ImportedPfx {
  const record = parseUserPfxCertificate(entry)
  if (record === undefined) throw badAnswer('a record whose thumbprint is no SHA-1')
  return record
}

/** Only the query of a link is followed: the path and the host stay ours. */
function queryOf(link: string): string {
  const query = URL.parse(link)?.search.slice(1) ?? ''
  if (query === '') throw badAnswer('a link to a next page that names none')
  return query
}

function isNotFound(failure: unknown): boolean {
  return failure instanceof ConnectorError && failure.httpStatus === 404
}

function badAnswer(found: string): ConnectorError {
  return new ConnectorError(
    'management/bad-response',
    `the connector service answered with ${found}`,
  )
}
