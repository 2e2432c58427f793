import type { Clock } from '../../kernel/index.ts'
import { type Answer, type Call, ok } from '../wire/answer.ts'
import { healthBody } from './bodies.ts'
import type { ConnectorRegister } from './connectors.ts'
import { readCall, recogniseCaller, serviceError } from './gate.ts'
import type { HealthIntake } from './health-intake.ts'
import type { OpenServiceSettings } from './settings.ts'

/** What the intake over the wire is made of. */
export interface HealthServiceParts {
  readonly connectors: ConnectorRegister
  readonly intake: HealthIntake
  readonly settings: { current: OpenServiceSettings }
  readonly clock: Clock
}

/** Takes health messages and answers with what the service wants. */
export function takeHealthMessage(call: Call, parts: HealthServiceParts): Answer {
  const { connectors, intake, settings, clock } = parts
  const caller = recogniseCaller(call, connectors)
  if ('status' in caller) return caller
  const read = readCall(call, healthBody)
  if ('status' in read) return read
  const { body } = read
  if (body.connectorId !== caller.connector.id)
    return serviceError(call, 403, 'Forbidden', 'That is another connector.')
  const { machineName, connectorVersion, features } = body
  const connector = connectors.change(body.connectorId, { machineName, connectorVersion, features })
  intake.record(body.connectorId, body.messages, {
    receivedAt: clock.now().toISOString(),
    message: body,
  })
  const { pollSeconds, healthSeconds, versionInfo } = settings.current
  return ok({
    value: true,
    settings: { pollSeconds, healthSeconds, paused: connector?.paused ?? false },
    ...(versionInfo === undefined ? {} : { versionInfo }),
  })
}
