import { Router } from 'express'
import type { People } from '../graph/people.ts'
import {
  type PfxCertificates,
  type PfxRecord,
  pfxRecordBody,
  userIdOf,
} from '../graph/pfx-certificates.ts'
import { answerUsers, listPfx, showPfx } from '../graph/pfx-routes.ts'
import { type Answer, type Call, type Handler, ok } from '../wire/answer.ts'
import type { Exchange } from '../wire/exchange.ts'
import type { ConnectorRegister } from './connectors.ts'
import { readCall, recogniseCaller, serviceError } from './gate.ts'
import type { WorkItem, WorkQueue } from './work-queue.ts'

/** What the routes are made of. */
export interface ImportParts {
  readonly connectors: ConnectorRegister
  readonly imports: PfxCertificates
  readonly people: People
  /** The queue that carries the records to devices. */
  readonly deliveries: WorkQueue
}

const RECORDS = '/ocs/deviceManagement/userPfxCertificates'

/** The administrator's side of imported PFX, as the contract has it: Graph's paths, and reasons for every refusal. */
export function importRoutes(exchange: Exchange, parts: ImportParts): Router {
  const router = Router()
  const play = (handler: Handler) =>
    exchange.playHop('ocs-imports', async (call) => {
      const caller = recogniseCaller(call, parts.connectors)
      return 'status' in caller ? caller : await handler(call)
    })
  const withRecord = (handler: (call: Call, record: PfxRecord) => Answer) =>
    play((call) => {
      const key = /\/userPfxCertificates\/([^/]+)/.exec(call.path)?.[1] ?? ''
      const record = parts.imports.find(key)
      return record
        ? handler(call, record)
        : serviceError(call, 404, 'NotFound', 'There is no such record.')
    })
  router.get(
    '/ocs/users',
    play((call) => answerUsers(call, parts.people)),
  )
  router.get(
    RECORDS,
    play((call) => listPfx(call, parts.imports)),
  )
  router.post(
    RECORDS,
    play((call) => write(call, parts, 201)),
  )
  router.get(
    `${RECORDS}/:key`,
    withRecord((_call, record) => ok(showPfx(record))),
  )
  router.patch(
    `${RECORDS}/:key`,
    withRecord((call, record) => write(call, parts, 200, record.id)),
  )
  router.delete(
    `${RECORDS}/:key`,
    withRecord((_call, { id }) => {
      parts.imports.remove(id)
      return { status: 204 }
    }),
  )
  router.get(
    `${RECORDS}/:key/deliveryStatuses`,
    withRecord((_call, record) => ok({ value: listDeliveries(record, parts.deliveries) })),
  )
  return router
}

function write(call: Call, { imports, people }: ImportParts, status: number, id?: string): Answer {
  const read = readCall(call, pfxRecordBody)
  if ('status' in read) return read
  const user = people.findUser(read.body.userPrincipalName)
  if (!user) return refuse(call, 'userPrincipalName', 'the tenant has no such user')
  const userId = userIdOf(user.userPrincipalName)
  const key = `${userId.replaceAll('-', '')}-${read.body.thumbprint}`
  if (id !== undefined && id !== key)
    return refuse(call, 'thumbprint', 'user and thumbprint are those of another record')
  const record = imports.record(() => userId, read.body)
  return record
    ? { status, json: showPfx(record) }
    : refuse(call, 'encryptedPfxBlob', 'it cannot be recorded')
}

function refuse(call: Call, target: string, message: string): Answer {
  return serviceError(call, 400, 'ParameterDataInvalid', 'Members are wrong.', [
    { target, code: 'Invalid', message },
  ])
}

/** The latest item of each device. */
function listDeliveries(record: PfxRecord, deliveries: WorkQueue) {
  const latest = new Map<string, WorkItem>()
  for (const item of deliveries.list()) {
    const { deviceId, userPfxCertificate } = item.body
    const isOfRecord =
      typeof userPfxCertificate === 'object' &&
      userPfxCertificate !== null &&
      'id' in userPfxCertificate &&
      userPfxCertificate.id === record.id
    if (isOfRecord && typeof deviceId === 'string') latest.set(deviceId, item)
  }
  return [...latest].map(([deviceId, item]) => {
    const last = item.results.at(-1)
    return {
      deviceId,
      state: stateOf(item),
      errorCode: item.state === 'failedFinal' ? last?.result['errorCode'] : undefined,
      errorMessage: item.state === 'failedFinal' ? last?.result['errorMessage'] : undefined,
      lastModifiedDateTime: last?.receivedAt ?? item.queuedAt.toISOString(),
    }
  })
}

function stateOf({ state }: WorkItem): 'pending' | 'delivered' | 'failed' {
  if (state === 'succeeded') return 'delivered'
  return state === 'failedFinal' ? 'failed' : 'pending'
}
