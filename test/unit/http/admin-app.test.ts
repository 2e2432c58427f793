import assert from 'node:assert/strict'
import { test } from 'node:test'
import request from 'supertest'
import { type AdminAppOptions, createAdminApp } from '../../../src/http/admin-app.ts'
import type { ConnectorStatus, ReadinessCheck } from '../../../src/http/status.ts'
import { captureLog } from './captured-log.ts'

const now = new Date('2026-11-22T12:00:00Z')

const healthy: ReadinessCheck = {
  name: 'store',
  status: 'ok',
  reason: 'written 3 s ago',
  checkedAt: new Date(now.getTime() - 3_000),
}

const status: ConnectorStatus = {
  name: 'connector <one>',
  version: '0.1.0',
  startedAt: new Date(now.getTime() - 3_600_000),
  profiles: [
    { name: 'default', url: 'http://127.0.0.1/scep', ca: 'embedded', validator: 'Intune' },
  ],
  certificates: [{ kind: 'ra', name: 'RA', notAfter: new Date('2027-01-01T00:00:00Z') }],
  outbox: { depth: { due: 2 }, oldestCreatedAt: now },
  workers: { size: 2, ready: 2, busy: 0, waiting: 0, capacity: 128, restarts: 0, jobs: {} },
  queues: [
    {
      name: 'open-service/pkcs',
      isOn: true,
      lastDownload: { at: new Date(now.getTime() - 12_000), problem: 'management/<b>away' },
      received: 7,
      running: 3,
      finished: 5,
      returned: 2,
      oldestAt: new Date(now.getTime() - 4_000_000),
      outcomes: { recorded: 41, superseded: 1 },
    },
    {
      name: 'revocation',
      isOn: false,
      lastDownload: undefined,
      received: 0,
      running: 0,
      finished: 0,
      returned: 0,
      oldestAt: undefined,
      outcomes: {},
    },
  ],
  openService: {
    url: 'https://service.example',
    state: 'inactive',
    connectorId: '6b1f6a0e-0e0b-4b60-9d39-5f8a5f0e9c11',
    enrolledAt: now,
    lastContactAt: new Date(now.getTime() - 90_000_000),
    certificateNotAfter: new Date(now.getTime() + 20 * 86_400_000),
    features: ['scep', 'pkcs'],
    isPaused: true,
    unsentIntervals: 9,
    support: {
      status: 'unsupported',
      latest: '1.5.0',
      supportEndsAt: new Date('2026-11-04T00:00:00Z'),
      worksUntil: new Date('2027-11-04T00:00:00Z'),
    },
  },
  recent: [
    {
      at: now,
      profile: 'default',
      transactionId: '<img src=x onerror=alert(1)>',
      subject: 'CN="><script>alert(1)</script>',
      outcome: 'issued',
      serialHex: '0A',
    },
  ],
}

function appWith(options: Partial<AdminAppOptions> = {}) {
  const log = captureLog()
  const app = createAdminApp({
    checks: () => [healthy],
    status: () => status,
    metrics: {
      load: () => Promise.resolve('connector_info 1\n'),
      mediaType: 'text/plain; version=0.0.4',
    },
    logger: log.logger,
    now: () => now,
    ...options,
  })
  return { agent: request(app), log }
}

test('the process is live whatever the checks say', async () => {
  const { agent } = appWith({ checks: () => [{ ...healthy, status: 'failed' }] })
  const reply = await agent.get('/healthz')
  assert.equal(reply.status, 200)
  assert.deepEqual(reply.body, { status: 'live' })
})

test('ready names every check with status, reason and age', async () => {
  const { agent } = appWith({
    checks: () => [healthy, { ...healthy, name: 'ra', status: 'degraded' }],
  })
  const reply = await agent.get('/readyz')
  assert.equal(reply.status, 200)
  assert.deepEqual(reply.body, {
    status: 'ready',
    checks: [
      { name: 'store', status: 'ok', reason: 'written 3 s ago', ageSeconds: 3 },
      { name: 'ra', status: 'degraded', reason: 'written 3 s ago', ageSeconds: 3 },
    ],
  })
})

test('one failed check is not ready', async () => {
  const { agent } = appWith({
    checks: () => [healthy, { ...healthy, name: 'ca', status: 'failed' }],
  })
  const reply = await agent.get('/readyz')
  assert.equal(reply.status, 503)
  assert.equal(reply.body.status, 'not ready')
})

test('checks that hang or throw are not ready, and their error stays in the log', async () => {
  const hanging = appWith({ checks: () => new Promise(() => {}), checksTimeoutMs: 20 })
  assert.equal((await hanging.agent.get('/readyz')).status, 503)
  const broken = appWith({
    checks: () => {
      throw new Error('inner detail')
    },
  })
  const reply = await broken.agent.get('/readyz')
  assert.equal(reply.status, 503)
  assert.doesNotMatch(reply.text, /inner detail/)
  assert.match(broken.log.text(), /inner detail/)
})

test('the page shows what devices sent as text, under a policy without scripts', async () => {
  const { agent } = appWith()
  const reply = await agent.get('/')
  assert.equal(reply.status, 200)
  assert.equal(reply.headers['content-type'], 'text/html; charset=utf-8')
  assert.equal(
    reply.headers['content-security-policy'],
    "default-src 'none';style-src 'self';base-uri 'none';form-action 'none';frame-ancestors 'none'",
  )
  assert.doesNotMatch(reply.text, /<script|<img|style=/)
  assert.match(reply.text, /CN=&quot;&gt;&lt;script&gt;/)
  assert.match(reply.text, /connector &lt;one&gt;/)
  assert.match(reply.text, /written 3 s ago/)
})

test('the style sheet that the page names exists', async () => {
  const { agent } = appWith()
  const page = await agent.get('/')
  const href = /<link rel="stylesheet" href="([^"]+)">/.exec(page.text)?.[1]
  assert.ok(href !== undefined)
  const style = await agent.get(href)
  assert.equal(style.status, 200)
  assert.equal(style.headers['content-type'], 'text/css; charset=utf-8')
})

test('figures come with the media type of the registry', async () => {
  const { agent } = appWith()
  const reply = await agent.get('/metrics')
  assert.equal(reply.headers['content-type'], 'text/plain; version=0.0.4')
  assert.equal(reply.text, 'connector_info 1\n')
})

test('the status is there for programs as well', async () => {
  const { agent } = appWith()
  const reply = await agent.get('/api/status')
  assert.equal(reply.body.name, 'connector <one>')
  assert.equal(reply.body.checks[0].name, 'store')
  assert.equal(reply.headers['cache-control'], 'no-store')
})

test('a failure is a sentence; its reason is in the log', async () => {
  const { agent, log } = appWith({
    status: () => {
      throw new Error('inner detail')
    },
  })
  const reply = await agent.get('/api/status')
  assert.equal(reply.status, 500)
  assert.doesNotMatch(reply.text, /inner detail|at /)
  assert.match(log.text(), /inner detail/)
})

test('a name that points here without being ours is told nothing', async () => {
  const { agent } = appWith({ hostNames: ['Connector.Inside.example'] })
  for (const path of ['/', '/api/status', '/metrics', '/readyz']) {
    const reply = await agent.get(path).set('Host', 'rebound.example:8081')
    assert.equal(reply.status, 421)
    assert.doesNotMatch(reply.text, /connector <one>|store/)
  }
  const known = await agent.get('/api/status').set('Host', 'connector.inside.example:8081')
  assert.equal(known.status, 200)
})

test('only reading is allowed, and the listener knows no SCEP', async () => {
  const { agent } = appWith()
  const post = await agent.post('/healthz')
  assert.equal(post.status, 405)
  assert.equal(post.headers['allow'], 'GET, HEAD')
  assert.equal((await agent.get('/scep?operation=GetCACaps')).status, 404)
})

/** The cells of a row of the page, as text. */
function cellsOf(page: string, start: string): string[] {
  const row = page.split('<tr>').find((one) => one.startsWith(start)) ?? ''
  return [...row.matchAll(/<td>(.*?)<\/td>/g)].map(([, cell = '']) => cell.replace(/<[^>]+>/g, ''))
}

test('the page shows each queue: what is held, what is owed, how the last download went; and which features are off', async () => {
  const page = (await appWith().agent.get('/')).text
  assert.deepEqual(cellsOf(page, '<td>open-service/pkcs'), [
    'open-service/pkcs',
    'download failed management/&lt;b&gt;away',
    '12 s ago',
    '7, 3 of them now',
    '5',
    '2',
    '67 min',
    'recorded 41, superseded 1',
  ])
  assert.deepEqual(cellsOf(page, '<td>revocation').slice(0, 2), ['revocation', 'off'])
})

test('the page shows how the connector service sees us, and how long this version is supported', async () => {
  const page = (await appWith().agent.get('/')).text
  assert.deepEqual(cellsOf(page, '<td><code>https://service.example'), [
    'https://service.example',
    'inactive, paused',
    '6b1f6a0e-0e0b-4b60-9d39-5f8a5f0e9c11',
    '25 h',
    '20 days',
    'scep, pkcs',
    '9',
    'unsupported, newest 1.5.0, support ends 2026-11-04, may stop on 2027-11-04',
  ])
  const { openService: _, ...without } = status
  const other = (await appWith({ status: () => without }).agent.get('/')).text
  assert.doesNotMatch(other, /Connector service/)
})

test('the same stands in /api/status, as JSON', async () => {
  const { body } = await appWith().agent.get('/api/status')
  assert.deepEqual(body.queues[0].outcomes, { recorded: 41, superseded: 1 })
  assert.equal(body.queues[0].lastDownload.problem, 'management/<b>away')
  assert.equal(body.openService.support.status, 'unsupported')
})
