import type { Configuration } from '../../../src/config/index.ts'
import { startTestConnector, type TestConnector } from '../../support/running-connector.ts'

/** Where replayed clients meet the connector. */
export interface ReplayPlace {
  readonly running: TestConnector
  /** Port of the device listener. */
  readonly port: number
}

/** Starts a connector with a profile for each habit of a client; challenge `secret`, or one of Intune where it is said. */
export async function openReplayPlace(): Promise<ReplayPlace> {
  const running = await startTestConnector(addProfiles)
  return { running, port: Number(new URL(running.connector.deviceUrl).port) }
}

function addProfiles(demonstration: Configuration): Configuration {
  const [intune] = demonstration.profiles
  const shared = demonstration.profiles.find(({ name }) => name === 'static')
  if (intune === undefined || shared === undefined)
    throw new Error('the demonstration lacks its profiles default and static')
  // What NDES announces, as iOS has been seen to read it.
  const ndesClassic = ['Renewal', 'SHA-512', 'SHA-256', 'SHA-1', 'DES3']
  return {
    ...demonstration,
    profiles: [
      ...demonstration.profiles,
      { ...intune, name: 'intune-ndes', capabilities: ndesClassic },
      { ...shared, name: 'get-only', capabilities: ndesClassic },
    ],
  }
}
