import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { Secret } from '../../src/kernel/index.ts'
import { createIntune, type IntuneClient } from '../../src/management/index.ts'
import { type Simulator, startSimulator } from '../../src/simulator/index.ts'
import { describeWorkQueue } from './work-queue.suite.ts'

let dataDir: string
let simulator: Simulator
let client: IntuneClient
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'simulator-'))
  simulator = await startSimulator({ dataDir, httpsPort: 0, controlPort: 0 })
  client = createIntune({
    tenant: simulator.tenantId,
    clientId: simulator.clientId,
    credential: { secret: new Secret(simulator.clientSecret) },
    provider: 'certificate-connector/contract',
    cloud: {
      authorityUrl: simulator.authorityUrl,
      graphUrl: simulator.graphUrl,
      intuneResourceUrl: simulator.intuneResourceUrl,
    },
    trustedCaPem: simulator.caPem,
    allowedHostSuffixes: ['127.0.0.1'],
  })
})
after(async () => {
  await client.close()
  await simulator.close()
  await rm(dataDir, { recursive: true })
})

async function control<T>(method: string, path: string, body?: object): Promise<T> {
  const answer = await fetch(`${simulator.controlUrl}/control/${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`)
  return (text === '' ? undefined : JSON.parse(text)) as T
}

describeWorkQueue('Intune’s revocation requests, against the simulator', () => ({
  queue: client.revocations,
  async order(serialNumber) {
    return (await control<{ requestContext: string }>('POST', 'revocations', { serialNumber }))
      .requestContext
  },
  async resultsOf(requestContext) {
    const { value } = await control<{
      value: { requestContext: string; results: { errorName: string }[] }[]
    }>('GET', 'revocations')
    const found = value.find((one) => one.requestContext === requestContext)
    return found?.results.map(({ errorName }) => errorName) ?? []
  },
  async fail(hop, fault) {
    await control('POST', 'faults', { hop, fault, times: 1 })
  },
  async wait() {
    await control('POST', 'clock', { advanceMinutes: 60 })
  },
}))
