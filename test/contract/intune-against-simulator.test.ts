import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Secret } from '../../src/kernel/index.ts'
import { createIntune, type IntuneClient, RESULT_CODES } from '../../src/management/index.ts'
import { type Simulator, startSimulator } from '../../src/simulator/index.ts'
import { makeChallengeCsr } from '../support/challenge-csr.ts'
import {
  checkManagement,
  type ManagementAction,
  type ManagementUnderTest,
} from './management.suite.ts'

const never = new AbortController().signal
const codes = RESULT_CODES.map((entry) => entry.code).filter((code) => code !== 'Success')

let dataDir: string
let simulator: Simulator
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'simulator-'))
  simulator = await startSimulator({ dataDir, httpsPort: 0, controlPort: 0 })
})
after(async () => {
  await simulator.close()
  await rm(dataDir, { recursive: true })
})

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

function openClient(): IntuneClient {
  return createIntune({
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
    timeouts: { connectMs: 1_000, readMs: 300, budgetMs: 10_000 },
    pause: async () => await Promise.resolve(),
  })
}

async function mint(order: object): Promise<string> {
  const minted = await control('POST', 'challenges', order)
  assert.ok(typeof minted === 'object' && minted !== null && 'challenge' in minted)
  assert.ok(typeof minted.challenge === 'string')
  return minted.challenge
}

async function makeRequest(order: object = { subject: 'CN=device-1' }, commonName = 'device-1') {
  const challenge = await mint(order)
  const csrDer = await makeChallengeCsr(commonName, challenge)
  return {
    profile: 'default',
    requestKey: 'request',
    transactionId: randomUUID(),
    activityId: randomUUID(),
    csrDer,
    challenge,
  }
}

async function open(): Promise<ManagementUnderTest> {
  const client = openClient()
  await control('DELETE', 'faults')
  await control('DELETE', 'verdicts')
  const fault = (hop: ManagementAction, kind: string, more: object = {}) =>
    control('POST', 'faults', { hop, fault: kind, ...more })
  return {
    validator: client.validator,
    notifier: client.notifier,
    health: client.health,
    makeRequest: () => makeRequest(),
    async dictate(action, code) {
      await control('POST', 'verdicts', { action, code })
    },
    async interrupt(action, outage, retryAfterSeconds) {
      const kinds = { silent: 'timeout', reset: 'reset', overloaded: '429', broken: '500' }
      await fault(
        action,
        kinds[outage],
        retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
      )
    },
    async garble(action, how) {
      await fault(action, how === 'html' ? 'html' : '204')
    },
    async revokeAccess(action) {
      await fault(action, '401')
    },
    async repair() {
      await control('DELETE', 'faults')
    },
    async notifications() {
      const seen = await control('GET', 'notifications')
      assert.ok(typeof seen === 'object' && seen !== null && 'value' in seen)
      assert.ok(Array.isArray(seen.value))
      return seen.value
    },
    async [Symbol.asyncDispose]() {
      await client.close()
      await control('DELETE', 'faults')
      await control('DELETE', 'verdicts')
    },
  }
}

checkManagement('Intune client against the simulator', open, codes)

describe('Intune client against the simulator, from real causes', () => {
  for (const [title, order, commonName, code] of [
    ['another subject', { subject: 'CN=device-1' }, 'device-2', 'SubjectNameMismatch'],
    [
      'an expired challenge',
      { createdUtc: '2020-01-01T00:00:00.000Z', expiresUtc: '2020-01-01T01:00:00.000Z' },
      'device-1',
      'ChallengeExpired',
    ],
    ['another tenant', { tenantId: randomUUID() }, 'device-1', 'BadTenantIdInChallenge'],
    [
      'a missing SAN',
      { sans: [{ type: 'dns', value: 'a.example' }] },
      'device-1',
      'SubjectAltNameMissing',
    ],
  ] as const) {
    test(`${title} is refused as ${code}`, async () => {
      await using service = await open()
      const request = await makeRequest(order, commonName)
      const verdict = await service.validator.validate(request, never)
      assert.equal(verdict.kind === 'refused' && verdict.code, code)
      assert.ok(!JSON.stringify(verdict).includes(request.challenge))
    })
  }

  for (const hop of ['token', 'graph'] as const) {
    for (const fault of [
      'timeout',
      'reset',
      '403',
      '404',
      '429',
      '500',
      'html',
      'truncated',
      '204',
    ]) {
      test(`a ${hop} hop that answers ${fault} throws and lets nobody in`, async () => {
        await using service = await open()
        const request = await makeRequest()
        await control('POST', 'faults', { hop, fault })
        const thrown: unknown = await service.validator.validate(request, never).then(
          () => assert.fail('nothing was thrown'),
          (cause: unknown) => cause,
        )
        assert.ok(thrown instanceof Error && 'code' in thrown)
        assert.match(String(thrown.code), /^management\//)
        await service.repair()
        assert.equal((await service.validator.validate(request, never)).kind, 'accepted')
      })
    }
  }
})
