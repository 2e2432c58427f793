import type { RunningConnector } from '../compose/index.ts'
import type { Configuration } from '../config/index.ts'
import { createChallenge } from './enrolment-client/index.ts'

const usualControlUrl = 'http://127.0.0.1:8090'
const usualDeviceUrl = 'http://127.0.0.1:8080'

/**
 * What to try first in the demonstration: SCEP URL, a fresh challenge of the simulator, a line that enrols. Undefined
 * when no simulator runs beside the connector.
 *
 * @param isDemonstration whether the profiles are those of the demonstration, whose static challenge is known to all
 * @throws ConnectorError when the simulator makes no challenge
 */
export async function createGreeting(
  { simulator, adminUrl, deviceUrl }: RunningConnector,
  { profiles }: Configuration,
  isDemonstration: boolean,
): Promise<string | undefined> {
  if (simulator === undefined) return undefined
  const { challenge, expires } = await createChallenge(simulator.controlUrl, {})
  const others = profiles.map(({ name }) => name).filter((name) => name !== 'default')
  const scepUrl = `${deviceUrl}/certsrv/mscep/mscep.dll`
  const options = [
    ...(deviceUrl === usualDeviceUrl ? [] : ['--url', scepUrl]),
    ...(simulator.controlUrl === usualControlUrl ? [] : ['--control', simulator.controlUrl]),
  ]
  const line = ['npm run enrol', ...(options.length === 0 ? [] : ['--', ...options])].join(' ')
  return `
SCEP URL    ${scepUrl}
Also        ${others.map((name) => `${deviceUrl}/scep/${name}`).join(', ') || 'no other profile'}${isDemonstration ? ' (challenge: secret)' : ''}
Readiness   ${adminUrl}/readyz     Status page ${adminUrl}/
Simulator   ${simulator.controlUrl}/control/notifications shows what Intune was told

A challenge, good until ${expires.toISOString()} (npm run certconnector -- challenge makes another):

${challenge.reveal()}

Enrol a device, in a second terminal:

  ${line}

which asks the simulator for a challenge of its own.${isDemonstration ? workHint(simulator.controlUrl) : ' '}Stop with Ctrl-C. Events follow.

`
}

function workHint(controlUrl: string): string {
  const line = 'npm run certconnector -- work pkcs'
  return ` Or have a certificate made with its key:

  ${controlUrl === usualControlUrl ? line : `${line} --control ${controlUrl}`}

`
}
