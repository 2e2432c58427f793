import { Router } from 'express'
import { z } from 'zod'
import type { TokenIssuer } from '../entra/tokens.ts'
import { type Answer, type Call, odataError, ok } from '../wire/answer.ts'
import { parseBodyJson } from '../wire/body-text.ts'
import type { Exchange } from '../wire/exchange.ts'
import type { Connector, ConnectorRegister } from './connectors.ts'
import type { HealthIntake } from './health-intake.ts'

/** What the read side is made of. */
export interface ReadSideParts {
  readonly connectors: ConnectorRegister
  readonly intake: HealthIntake
  readonly tokens: TokenIssuer
}

const readRole = 'DeviceManagementConfiguration.Read.All'
const base = '/graph/beta/deviceManagement'

const metricsBody = z.object({ metricNames: z.array(z.string()).min(1).max(100) })
const seriesBody = z.object({
  timeSeries: z.object({
    metricName: z.string(),
    startDateTime: z.iso.datetime(),
    endDateTime: z.iso.datetime(),
  }),
})

/** Connectors and their health as Graph beta shows them: what an administrator's tools read. */
export function readSideRoutes(exchange: Exchange, parts: ReadSideParts): Router {
  const router = Router()
  const play = (handler: (call: Call) => Answer) =>
    exchange.playOther(async (call) => {
      const bearer = await parts.tokens.findBearer(call.headers.authorization, 'graph')
      if (!bearer) return odataError(401, 'InvalidAuthenticationToken', 'No valid access token.')
      if (!bearer.roles.includes(readRole))
        return odataError(403, 'Authorization_RequestDenied', `The token lacks ${readRole}.`)
      return handler(call)
    })
  router.get(
    `${base}/ndesConnectors`,
    play(() => ok({ value: parts.connectors.list().map((one) => encodeNdes(one, parts)) })),
  )
  router.get(
    `${base}/certificateConnectorDetails`,
    play(() => ok({ value: parts.connectors.list().map(encodeDetails) })),
  )
  router.post(
    `${base}/certificateConnectorDetails/:id/getHealthMetrics`,
    play((call) => answerMetrics(call, parts)),
  )
  router.post(
    `${base}/certificateConnectorDetails/:id/getHealthMetricTimeSeries`,
    play((call) => answerSeries(call, parts)),
  )
  return router
}

function answerMetrics(call: Call, { intake, connectors }: ReadSideParts): Answer {
  const connector = connectors.find(idOf(call))
  if (!connector) return odataError(404, 'NotFound', 'There is no such connector.')
  const read = metricsBody.safeParse(parseBodyJson(call.body))
  if (!read.success) return odataError(400, 'BadRequest', 'metricNames is missing.')
  const intervals = intake.intervalsOf(connector.id)
  return ok({
    value: read.data.metricNames.map((name) => ({
      name,
      value: intervals
        .filter(({ metricName }) => metricName === name)
        .reduce((sum, { successCount, failureCount }) => sum + successCount + failureCount, 0),
    })),
  })
}

function answerSeries(call: Call, { intake, connectors }: ReadSideParts): Answer {
  const connector = connectors.find(idOf(call))
  if (!connector) return odataError(404, 'NotFound', 'There is no such connector.')
  const read = seriesBody.safeParse(parseBodyJson(call.body))
  if (!read.success) return odataError(400, 'BadRequest', 'timeSeries is missing or wrong.')
  const { metricName, startDateTime, endDateTime } = read.data.timeSeries
  return ok({
    value: intake
      .intervalsOf(connector.id)
      .filter((interval) => interval.metricName === metricName)
      .filter(
        ({ startDateTime: at }) =>
          Date.parse(at) >= Date.parse(startDateTime) && Date.parse(at) < Date.parse(endDateTime),
      )
      .map(({ startDateTime: dateTime, successCount, failureCount }) => ({
        dateTime,
        successCount,
        failureCount,
      })),
  })
}

function idOf({ path }: Call): string {
  return path.split('/').at(-2) ?? ''
}

function encodeNdes(connector: Connector, { connectors }: ReadSideParts) {
  return {
    id: connector.id,
    lastConnectionDateTime: connector.lastConnectionAt.toISOString(),
    state: connectors.stateOf(connector),
    displayName: connector.displayName,
    machineName: connector.machineName,
    enrolledDateTime: connector.enrolledAt.toISOString(),
    roleScopeTagIds: ['0'],
    connectorVersion: connector.connectorVersion,
  }
}

function encodeDetails(connector: Connector) {
  return {
    id: connector.id,
    connectorName: connector.displayName,
    machineName: connector.machineName,
    enrollmentDateTime: connector.enrolledAt.toISOString(),
    lastCheckinDateTime: connector.lastConnectionAt.toISOString(),
    connectorVersion: connector.connectorVersion,
  }
}
