import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Configuration } from '../../config/index.ts'
import type { OpenService } from '../../management/index.ts'
import type { Probe } from './probe.ts'

/** What the connector service must give, and what it wants first. */
export function listServiceProbes(
  { dataDir, management }: Configuration,
  service: Pick<OpenService, 'probe'>,
): readonly Probe[] {
  return [
    {
      name: 'connector service',
      remedies: {
        'management/unavailable':
          'check management.openService.url, DNS, proxy and firewall; where its certificate is not trusted, name its CA in management.openService.caFile',
        '': 'check management.openService.url: its discovery is not that of the open contract',
      },
      run: async (signal) => ({
        status: 'ok',
        reason: `speaks version ${(await service.probe(signal)).join(', ')} of the contract, over TLS that is trusted`,
      }),
    },
    {
      name: 'enrolment',
      remedies: {},
      async run() {
        if (existsSync(join(dataDir, 'open-service', 'agent.json')))
          return { status: 'ok', reason: 'this connector is enrolled' }
        if (management.openService?.enrolmentToken !== undefined)
          return { status: 'ok', reason: 'not yet; there is a token for it' }
        return {
          status: 'failed',
          reason: 'this connector is not enrolled, and there is no token',
          remedy: 'name its file in management.openService.enrolmentTokenFile',
        }
      },
    },
  ]
}
