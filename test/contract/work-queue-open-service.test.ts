import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import type { OpenService, WorkQueue } from '../../src/management/index.ts'
import { type Simulator, startSimulator } from '../../src/simulator/index.ts'
import { openServiceClient } from '../support/open-service-client.ts'
import { describeWorkQueue } from './work-queue.suite.ts'

let dataDir: string
let simulator: Simulator
let service: OpenService
let queue: WorkQueue<'revocation'>
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'open-service-'))
  simulator = await startSimulator({ dataDir, httpsPort: 0, controlPort: 0 })
  service = openServiceClient(simulator)
  await service.keepEnrolled(AbortSignal.timeout(10_000))
  queue = service.queue('revocation')
})
after(async () => {
  await service.close()
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

describeWorkQueue('revocations of the open service, against the simulator', () => ({
  queue,
  async order(serialNumber) {
    return (await control<{ requestContext: string }>('POST', 'work/revocation', { serialNumber }))
      .requestContext
  },
  async resultsOf(requestContext) {
    const { value } = await control<{
      value: { requestContext: string; results?: { result: { errorCode: string } }[] }[]
    }>('GET', 'work/revocation')
    const found = value.find((one) => one.requestContext === requestContext)
    return found?.results?.map(({ result }) => result.errorCode) ?? []
  },
  async fail(hop, fault) {
    await control('POST', 'faults', { hop: `ocs-${hop}`, fault, times: 1 })
  },
  async wait() {
    await control('POST', 'clock', { advanceMinutes: 60 })
  },
}))
