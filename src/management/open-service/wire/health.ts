import * as z from 'zod'
import { anyCase, features, guid, plainText, time } from './values.ts'

/** What a connector counts. */
const metricNames = [
  'pkcsRequest',
  'pkcsIssue',
  'pkcsUpload',
  'pkcsRecrypt',
  'pkcsImport',
  'revoke',
  'scepRequest',
  'scepVerify',
  'scepIssue',
  'scepNotify',
  'healthUpload',
] as const

const count = z.int().min(0)

/** Successes and failures of one metric in one interval; unique by connector, metric and start. */
const interval = z
  .object({
    metricName: z.enum(metricNames),
    startDateTime: time,
    endDateTime: time,
    successCount: count,
    failureCount: count,
    p95Ms: count.optional(),
  })
  .meta({ id: 'HealthInterval' })

/** A message: how the connector is, and what it counted since the last one that arrived. */
export const healthMessage = z
  .object({
    connectorId: guid,
    connectorVersion: z.string().min(1).max(64),
    machineName: plainText(256),
    sentDateTime: time,
    uptimeSeconds: count,
    features,
    messages: z.array(interval).max(5000),
    checks: z
      .array(
        z.object({
          name: plainText(256),
          status: z.enum(['pass', 'warn', 'fail']),
          detail: plainText(1024).optional(),
          observedDateTime: time,
        }),
      )
      .max(200),
    queues: z.object({ journalPending: count, spoolPending: count, oldestSpoolSeconds: count }),
  })
  .meta({ id: 'HealthMessage' })

/** What the service wants of the connector. */
export const healthAnswer = z
  .object({
    value: z.literal(true),
    settings: z
      .object({
        pollSeconds: z.int().min(1).max(3600),
        healthSeconds: z.int().min(10).max(86_400),
        paused: z.boolean(),
      })
      .optional(),
    versionInfo: z
      .object({
        latest: z.string().max(64),
        status: anyCase(['supported', 'deprecated', 'unsupported', 'blocked']),
        supportEndsDateTime: time.nullish(),
      })
      .optional(),
  })
  .meta({ id: 'HealthAnswer' })
