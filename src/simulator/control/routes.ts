import express, { Router } from 'express'
import type { z } from 'zod'
import type { ChallengeMint } from '../challenge/mint.ts'
import type { Targeting } from '../challenge/targeting.ts'
import type { AppRegistration, Directory } from '../entra/directory.ts'
import type { People } from '../graph/people.ts'
import type { PfxCertificates } from '../graph/pfx-certificates.ts'
import type { ServiceMap } from '../graph/service-map.ts'
import { type Behaviour, behaviourSchema } from '../intune/behaviour.ts'
import type { NotificationLog } from '../intune/notifications.ts'
import type { RevocationQueue } from '../intune/revocation-queue.ts'
import type { VerdictPlan } from '../intune/verdicts.ts'
import type { MovableClock } from '../movable-clock.ts'
import type { FaultPlan } from '../wire/faults.ts'
import type { RequestLog } from '../wire/request-log.ts'
import {
  appOrder,
  challengeOrder,
  clockOrder,
  directoryOrder,
  discoveryOrder,
  emptyOrder,
  faultOrder,
  registeredKeysOrder,
  revocationOrder,
  targetingOrder,
  verdictOrder,
} from './bodies.ts'
import { narrow, readBody, refuse } from './reading.ts'

/** Everything that can be steered or looked at. */
export interface ControlParts {
  readonly tenantId: string
  readonly mint: ChallengeMint
  readonly targeting: Targeting
  readonly directory: Directory
  readonly people: People
  readonly imports: PfxCertificates
  readonly services: ServiceMap
  readonly notifications: NotificationLog
  readonly revocations: RevocationQueue
  readonly verdicts: VerdictPlan
  readonly faults: FaultPlan
  readonly log: RequestLog
  readonly clock: MovableClock
  /** Switches of the services; replaced member by member. */
  readonly behaviour: { current: Behaviour }
}

/**
 * The control API: plain HTTP, JSON, no authentication, so it belongs on loopback. A body that is not right answers
 * 400 with every problem. Bodies must come as `application/json`, which a web page of another origin cannot send unasked.
 */
export function controlRoutes(parts: ControlParts): Router {
  const router = Router()
  router.use(express.json({ limit: '1mb', strict: true }))
  steerChallenges(router, parts)
  steerServices(router, parts)
  steerFaults(router, parts)
  showRecords(router, parts)
  return router
}

function steerChallenges(router: Router, parts: ControlParts): void {
  const { mint, targeting, clock } = parts
  router.post('/control/challenges', async (request, response) => {
    const order = readBody(challengeOrder, request, response)
    if (!order) return
    const { subject, sans, ekus, keyUsage, keyLength, ...rest } = order
    const expected = { subject, sans, ekus, keyUsage, keyLength }
    response.status(201).json(await mint.issue({ ...rest, expected }))
  })
  router.put('/control/targeting', (request, response) => {
    const order = readBody(targetingOrder, request, response)
    if (!order) return
    if (order.profileId !== undefined) targeting.recordProfile(order.profileId, order.targeted)
    if (order.deviceId !== undefined) targeting.recordDevice(order.deviceId, order.targeted)
    response.json(order)
  })
  router.put('/control/registered-keys', (request, response) => {
    const order = readBody(registeredKeysOrder, request, response)
    if (!order) return
    targeting.recordRegisteredKeys(order.userId, order.keyIds)
    response.json(order)
  })
  router.get('/control/clock', (_request, response) => {
    response.json({ now: clock.now().toISOString() })
  })
  router.post('/control/clock', (request, response) => {
    const order = readBody(clockOrder, request, response)
    if (!order) return
    clock.advance(order.advanceMinutes)
    response.json({ now: clock.now().toISOString() })
  })
}

function steerServices(router: Router, parts: ControlParts): void {
  const { directory, people, services, revocations, behaviour, tenantId } = parts
  router.post('/control/apps', (request, response) => {
    const order = readBody(appOrder, request, response)
    if (!order) return
    const app = directory.record(withoutUndefined(order))
    response.status(201).json({ tenantId: app.tenantId, clientId: app.clientId })
  })
  router.put('/control/discovery', (request, response) => {
    const order = readBody(discoveryOrder, request, response)
    if (!order) return
    services.settings = order
    response.json(showServices(services))
  })
  router.get('/control/discovery', (_request, response) => {
    response.json(showServices(services))
  })
  router.get('/control/imports', (_request, response) => {
    response.json({ value: parts.imports.list() })
  })
  router.put('/control/directory', (request, response) => {
    const order = readBody(directoryOrder, request, response)
    if (!order) return
    if ('deviceId' in order) people.recordDevice(order)
    else people.recordUser(order)
    response.json(order)
  })
  router.post('/control/scale-unit', (request, response) => {
    if (!readBody(emptyOrder, request, response)) return
    services.advanceScaleUnit()
    response.json(showServices(services))
  })
  router.put('/control/behaviour', (request, response) => {
    const order = readBody(behaviourSchema.partial(), request, response)
    if (!order) return
    behaviour.current = behaviourSchema.parse({ ...behaviour.current, ...order })
    response.json(behaviour.current)
  })
  router.get('/control/behaviour', (_request, response) => {
    response.json(behaviour.current)
  })
  router.post('/control/revocations', (request, response) => {
    const order = readBody(revocationOrder, request, response)
    if (!order) return
    const queued = revocations.record({
      tenantId: (order.tenantId ?? tenantId).toLowerCase(),
      serialNumber: order.serialNumber,
      issuerName: order.issuerName ?? null,
      caConfiguration: order.caConfiguration ?? null,
    })
    if (queued) response.status(201).json(queued)
    else refuse(response, [{ member: '', problem: 'the queue is full of pending requests' }])
  })
}

function steerFaults(router: Router, { faults, verdicts }: ControlParts): void {
  router.post('/control/faults', (request, response) => {
    const order = readBody(faultOrder, request, response)
    if (!order) return
    faults.record(order)
    response.status(201).json(order)
  })
  router.get('/control/faults', (_request, response) => {
    response.json({ value: faults.list() })
  })
  router.delete('/control/faults', (_request, response) => {
    faults.clear()
    response.status(204).end()
  })
  router.post('/control/verdicts', (request, response) => {
    const order = readBody(verdictOrder, request, response)
    if (!order) return
    verdicts.record(order)
    response.status(201).json(order)
  })
  router.get('/control/verdicts', (_request, response) => {
    response.json({ value: verdicts.list() })
  })
  router.delete('/control/verdicts', (_request, response) => {
    verdicts.clear()
    response.status(204).end()
  })
}

/** Lists may be narrowed by `?member=value` on any text member, and to the newest by `?last=n`. */
function showRecords(router: Router, { notifications, revocations, log }: ControlParts): void {
  router.get('/control/notifications', (request, response) => {
    response.json({ value: narrow(notifications.list(), request) })
  })
  router.get('/control/revocations', (request, response) => {
    response.json({ value: narrow(revocations.list(), request) })
  })
  router.get('/control/requests', (request, response) => {
    response.json({ value: narrow(log.list(), request) })
  })
}

function showServices(services: ServiceMap): unknown {
  return {
    scaleUnit: services.scaleUnit,
    scepUri: services.uriOf('scep'),
    pkiUri: services.uriOf('pki'),
    settings: services.settings,
    listed: services.list(),
  }
}

/** Optional members are either absent or have a value: the directory does not know a third state. */
function withoutUndefined(order: z.infer<typeof appOrder>): AppRegistration {
  return JSON.parse(JSON.stringify(order)) as AppRegistration
}
