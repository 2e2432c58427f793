import { z } from 'zod'
import { workLimits } from './work-limits.ts'

/** What of the open service can be turned. */
export const openServiceSettings = z.strictObject({
  /** Life of the certificates that connectors get. */
  certificateHours: z.number().positive().max(87_600),
  /** Nothing is lent for longer, whatever the discovery says and a connector asks for. */
  maxLeaseSeconds: z.number().int().min(1).max(workLimits.maxLeaseSeconds),
  pollSeconds: z.number().int().min(1).max(3600),
  healthSeconds: z.number().int().min(10).max(86_400),
  /** What the service says of the version of every connector; left out: nothing. */
  versionInfo: z
    .strictObject({
      latest: z.string().min(1).max(64),
      status: z.enum(['supported', 'deprecated', 'unsupported', 'blocked']),
      supportEndsDateTime: z.iso.datetime().nullish(),
    })
    .optional(),
})

/** Settings of the open service. */
export type OpenServiceSettings = z.infer<typeof openServiceSettings>

/** A quarter of a year, and the pace of the contract. */
export const defaultOpenServiceSettings: OpenServiceSettings = {
  certificateHours: 90 * 24,
  maxLeaseSeconds: workLimits.maxLeaseSeconds,
  pollSeconds: 30,
  healthSeconds: 300,
}
