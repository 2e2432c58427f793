import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WorkKind } from '../../src/management/work-queue.ts'
import { startSimulator } from '../../src/simulator/index.ts'
import { openServiceClient } from '../support/open-service-client.ts'
import { checkOpenService, type OpenServiceUnderTest } from './open-service.suite.ts'

/** What an order of each kind needs beside what the simulator makes up. */
const orders: Readonly<Record<WorkKind, object>> = {
  pkcs: {},
  pkcsRecrypt: { thumbprint: 'a1'.repeat(20), escrowCms: 'MIIB' },
  pkcsImport: {
    userPfxCertificate: {
      id: 'user-f6f5',
      thumbprint: 'f6'.repeat(20),
      intendedPurpose: 'smimeEncryption',
      userPrincipalName: 'user1@corp.example',
      providerName: 'Microsoft Software Key Storage Provider',
      keyName: 'PFXEncryptionKey',
      paddingScheme: 'OaepSha512',
      encryptedPfxBlob: 'MIIK',
      encryptedPfxPassword: 'Zm9v',
    },
  },
  revocation: { serialNumber: '0A0B0C' },
}

interface Shown {
  readonly requestContext: string
  readonly state: string
}

async function open(): Promise<OpenServiceUnderTest> {
  const dataDir = await mkdtemp(join(tmpdir(), 'open-service-'))
  const simulator = await startSimulator({ dataDir, httpsPort: 0, controlPort: 0 })
  async function control(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${simulator.controlUrl}/control/${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
  return {
    openClient: (change) => openServiceClient(simulator, change),
    async issueToken() {
      return ((await control('POST', 'enrolment-tokens', {})) as { token: string }).token
    },
    async queue(kind, members = {}) {
      const order = { ...orders[kind], members }
      return ((await control('POST', `work/${kind}`, order)) as Shown).requestContext
    },
    async stateOf(kind, requestContext) {
      const { value } = (await control('GET', `work/${kind}`)) as { value: readonly Shown[] }
      return value.find((item) => item.requestContext === requestContext)?.state ?? 'absent'
    },
    async pause(id, paused) {
      await control('PATCH', `connectors/${id}`, { paused })
    },
    async recordUser(userPrincipalName) {
      const onPremisesSecurityIdentifier = null
      await control('PUT', 'directory', { userPrincipalName, onPremisesSecurityIdentifier })
    },
    async advance(advanceMinutes) {
      await control('POST', 'clock', { advanceMinutes })
    },
    async loseAnswer(call) {
      const fault = { hop: `ocs-${call}`, fault: 'reset', times: 1, afterProcessing: true }
      await control('POST', 'faults', fault)
    },
    async intervalsOf(id, metric) {
      const { intervals } = (await control('GET', `connectors/${id}/health`)) as {
        intervals: readonly { metricName: string }[]
      }
      return intervals.filter(({ metricName }) => metricName === metric).length
    },
    async close() {
      await simulator.close()
      await rm(dataDir, { recursive: true })
    },
  }
}

checkOpenService('open service: the simulator', open)
