import { Router } from 'express'
import { z } from 'zod'
import { narrow, readBody, refuse } from '../control/reading.ts'
import { maxConnectors } from './connectors.ts'
import type { HealthIntake } from './health-intake.ts'
import type { ReleaseList } from './releases.ts'
import { type OpenServiceSettings, openServiceSettings } from './settings.ts'
import { type OrderParts, queueWork, type WorkOrder, workOrders } from './work-orders.ts'
import { type WorkItem, type WorkKind, workKinds } from './work-queue.ts'

const tokenOrder = z.strictObject({
  uses: z.number().int().min(1).max(maxConnectors).default(1),
  validMinutes: z.number().positive().max(525_600).default(60),
})
const deviceOrder = z.strictObject({ deviceId: z.uuid().optional() })
const openOrder = z.strictObject({ cms: z.string().min(1).max(4_194_304) })
const connectorOrder = z.strictObject({
  paused: z.boolean().optional(),
  displayName: z.string().min(1).max(256).optional(),
  routingTags: z.array(z.string().min(1).max(64)).max(32).optional(),
})
const releasesOrder = z.strictObject({
  releases: z
    .array(
      z.strictObject({ version: z.string().min(1).max(64), releasedDateTime: z.iso.datetime() }),
    )
    .max(1000),
})

/** What of the open service can be steered or looked at. */
export interface OpenServiceControl extends OrderParts {
  readonly intake: HealthIntake
  readonly releases: ReleaseList
  readonly settings: { current: OpenServiceSettings }
}

/** Control calls of the open service. */
export function openServiceControl(parts: OpenServiceControl): Router {
  const router = Router()
  steerConnectors(router, parts)
  steerWork(router, parts)
  steerDevices(router, parts)
  return router
}

function steerConnectors(router: Router, parts: OpenServiceControl): void {
  const { connectors, settings, releases, intake } = parts
  router.post('/control/enrolment-tokens', (request, response) => {
    const order = readBody(tokenOrder, request, response)
    if (order) response.status(201).json(connectors.issueToken(order.uses, order.validMinutes))
  })
  router.get('/control/connectors', (_request, response) => {
    response.json({
      value: connectors.list().map((one) => ({ ...one, state: connectors.stateOf(one) })),
    })
  })
  router.patch('/control/connectors/:id', (request, response) => {
    const order = readBody(connectorOrder, request, response)
    if (!order) return
    const said = Object.fromEntries(Object.entries(order).filter(([, one]) => one !== undefined))
    const changed = connectors.change(request.params.id, said)
    if (changed) response.json(changed)
    else refuse(response, [{ member: '', problem: 'there is no such connector' }])
  })
  router.delete('/control/connectors/:id', (request, response) => {
    response.status(connectors.remove(request.params.id) ? 204 : 404).end()
  })
  router.get('/control/connectors/:id/health', (request, response) => {
    const { id } = request.params
    response.json({
      intervals: intake.intervalsOf(id),
      messages: intake.messagesOf(id),
      repeated: intake.repeated,
    })
  })
  router.put('/control/open-service', (request, response) => {
    const order = readBody(openServiceSettings.partial(), request, response)
    if (!order) return
    settings.current = openServiceSettings.parse({ ...settings.current, ...order })
    response.json(settings.current)
  })
  router.put('/control/releases', (request, response) => {
    const order = readBody(releasesOrder, request, response)
    if (!order) return
    releases.replace(order.releases)
    response.json(order)
  })
}

function steerWork(router: Router, parts: OpenServiceControl): void {
  for (const kind of Object.keys(workKinds) as WorkKind[]) {
    router.post(`/control/work/${kind}`, async (request, response) => {
      const order = readBody<z.output<(typeof workOrders)[WorkKind]>>(
        workOrders[kind],
        request,
        response,
      )
      if (!order) return
      const queued = await queueWork({ kind, order } as WorkOrder, parts)
      if (queued) response.status(201).json(show(queued))
      else refuse(response, [{ member: '', problem: 'the queue is full' }])
    })
    router.get(`/control/work/${kind}`, (request, response) => {
      response.json({ value: narrow(parts.work.queues[kind].list().map(show), request) })
    })
  }
}

function steerDevices(router: Router, { devices, clock }: OpenServiceControl): void {
  router.post('/control/devices', async (request, response) => {
    const order = readBody(deviceOrder, request, response)
    if (order) response.status(201).json(await devices.issueKey(order.deviceId, clock.now()))
  })
  router.get('/control/devices', (_request, response) => {
    response.json({ value: devices.list(), caPem: devices.caPem })
  })
  router.post('/control/devices/:id/open', async (request, response) => {
    const order = readBody(openOrder, request, response)
    if (!order) return
    const opened = await devices.open(request.params.id, order.cms)
    if (opened) response.json({ content: Buffer.from(opened).toString('base64') })
    else refuse(response, [{ member: 'cms', problem: 'the device cannot open it' }])
  })
}

function show(item: WorkItem) {
  return {
    ...item,
    deviceId: item.body['deviceId'],
    passedOver: [...item.passedOver.keys()],
  }
}
