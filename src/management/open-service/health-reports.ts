import { ConnectorError } from '../../kernel/index.ts'
import type { HealthReceiver } from '../health-report.ts'
import { cleanText } from '../http/plain-text.ts'
import type { ServiceConnection } from './connection.ts'
import type { Enrolment } from './enrolment.ts'
import type { OpenServiceOptions } from './options.ts'
import { operations } from './wire/operations.ts'

/** Sends health reports as the enrolled connector. */
export function createHealthReports(
  options: OpenServiceOptions,
  connection: ServiceConnection,
  enrolment: Enrolment,
): HealthReceiver {
  return {
    async report(report, call) {
      const agent = enrolment.current()
      if (agent === undefined)
        throw new ConnectorError('intune/unauthorized', 'the connector is not enrolled yet')
      const { value } = await connection.call(
        operations.uploadHealth,
        {
          connectorId: agent.record.connectorId,
          connectorVersion: options.version,
          machineName: options.machineName,
          sentDateTime: report.sentAt.toISOString(),
          uptimeSeconds: report.uptimeSeconds,
          features: options.features,
          messages: report.intervals.map(({ metric, from, to, successes, failures, p95Ms }) => ({
            metricName: metric,
            startDateTime: from.toISOString(),
            endDateTime: to.toISOString(),
            successCount: successes,
            failureCount: failures,
            ...(p95Ms === undefined ? {} : { p95Ms }),
          })),
          checks: report.observations.map(({ name, status, detail, at }) => ({
            name: cleanText(name, [], 256),
            status,
            detail: cleanText(detail, [], 1024),
            observedDateTime: at.toISOString(),
          })),
          queues: report.queues,
        },
        call,
      )
      const seconds = value.settings?.healthSeconds
      return {
        everyMs: seconds === undefined ? undefined : seconds * 1000,
        isPaused: value.settings?.paused ?? false,
      }
    },
  }
}
