import { ConnectorError } from '../../kernel/index.ts'
import type { HealthReceiver } from '../health-report.ts'
import { cleanText } from '../http/plain-text.ts'
import type { ServiceConnection } from './connection.ts'
import type { Enrolment } from './enrolment.ts'
import type { OpenServiceOptions } from './options.ts'
import { operations } from './wire/operations.ts'
import type { Pace } from './work-queue.ts'

/** Sends health reports as the enrolled connector. Keeps the pace that the service answers with. */
export function createHealthReports(
  options: OpenServiceOptions,
  connection: ServiceConnection,
  enrolment: Enrolment,
  pace: Pace,
): HealthReceiver {
  return {
    async report(report, call) {
      const agent = enrolment.current()
      if (agent === undefined)
        throw new ConnectorError('management/unauthorized', 'the connector is not enrolled yet')
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
      const { settings, versionInfo } = value
      pace.pollMs = toMs(settings?.pollSeconds)
      return {
        everyMs: toMs(settings?.healthSeconds),
        isPaused: settings?.paused ?? false,
        support: versionInfo && {
          status: versionInfo.status,
          latest: cleanText(versionInfo.latest, [], 64),
          ...(versionInfo.supportEndsDateTime
            ? { supportEndsAt: new Date(versionInfo.supportEndsDateTime) }
            : {}),
        },
      }
    },
  }
}

function toMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000
}
