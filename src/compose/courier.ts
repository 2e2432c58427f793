import type { Configuration } from '../config/index.ts'
import {
  type Courier,
  createCourier,
  type DeliveryPorts,
  type EnrolmentPorts,
  type EnrolmentProfile,
} from '../connector/index.ts'
import type { IntuneClient } from '../management/index.ts'

/** The courier of what the management service is owed, with the pauses of the configuration. Starts nothing yet. */
export function composeCourier(
  { features, notifications }: Pick<Configuration, 'features' | 'notifications'>,
  parts: Pick<DeliveryPorts, 'outbox' | 'cipher' | 'journal' | 'clock' | 'holder'> & {
    readonly intune: IntuneClient | undefined
    readonly profiles: ReadonlyMap<string, EnrolmentProfile>
    readonly safekeeping: EnrolmentPorts['safekeeping']
  },
): Courier {
  const { intune, profiles, safekeeping, ...ports } = parts
  return createCourier(
    {
      ...ports,
      // What was owed when SCEP was switched off is delivered all the same.
      notifierOf: (name) => (features.scep ? profiles.get(name)?.notifier : intune?.notifier),
      pauses: {
        onlineSeconds: notifications.onlinePausesSeconds,
        courierSeconds: notifications.courierPausesSeconds,
        giveUpDays: notifications.giveUpDays,
      },
      random: Math.random,
    },
    safekeeping,
  )
}
