import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EnrolmentAnswer, EnrolmentContext } from '../../../src/connector/index.ts'
import type { CaFile } from '../../../src/http/ca-files-route.ts'
import { createDeviceApp } from '../../../src/http/device-app.ts'
import type { DeviceLimits } from '../../../src/http/enrolment-gate.ts'
import type { ScepOutcome } from '../../../src/http/metrics.ts'
import type { ScepEndpoint } from '../../../src/http/scep-route.ts'
import { type RunningServer, startServer } from '../../../src/http/server.ts'
import { ConnectorError } from '../../../src/kernel/index.ts'
import { captureLog } from './captured-log.ts'
import { exchange, type RawReply } from './raw-http.ts'
import { silentJournal } from './silent-journal.ts'

// Looks like the start of a SignedData, and holds what base64 writes as '+' and '/'.
const message = Buffer.concat([Buffer.from('308003fbeffe3e3f', 'hex'), Buffer.alloc(40, 0xfb)])
const reply = Buffer.from('3003020100', 'hex')
const ra = Buffer.from('300402020001', 'hex')
const root = Buffer.from('300402020002', 'hex')

interface Bench {
  readonly server: RunningServer
  /** What the enrolment was handed. */
  readonly received: Buffer[]
  readonly contexts: EnrolmentContext[]
  readonly outcomes: ScepOutcome[]
  readonly logText: () => string
  readonly get: (target: string, headers?: string) => Promise<RawReply>
}

interface Setting {
  readonly endpoint?: Partial<ScepEndpoint>
  readonly answer?: (context: EnrolmentContext) => Promise<EnrolmentAnswer['outcome']>
  readonly limits?: DeviceLimits
  readonly trustProxy?: number
  readonly crl?: CaFile
}

/** A device listener on a free port with one profile, `default`, and an enrolment that remembers what it got. */
async function bench(
  t: { after(f: () => Promise<void>): void },
  setting: Setting = {},
): Promise<Bench> {
  const received: Buffer[] = []
  const contexts: EnrolmentContext[] = []
  const outcomes: ScepOutcome[] = []
  const log = captureLog()
  const endpoint: ScepEndpoint = {
    name: 'default',
    capabilities: ['Renewal', 'SHA-256', 'AES', 'SCEPStandard', 'POSTPKIOperation'],
    caCertificates: () => [ra, root],
    enrol: async (messageDer, context) => {
      received.push(Buffer.from(messageDer))
      contexts.push(context)
      const outcome = (await setting.answer?.(context)) ?? 'issued'
      return { replyDer: reply, outcome }
    },
    ...setting.endpoint,
  }
  const app = createDeviceApp({
    profiles: new Map([
      ['default', endpoint],
      ['other', { ...endpoint, name: 'other', capabilities: ['SHA-1', 'DES3'] }],
    ]),
    defaultProfile: 'default',
    crl: (caId) => (caId === 'issuing' ? setting.crl : undefined),
    caCertificate: () => undefined,
    limits: setting.limits ?? {},
    journal: silentJournal,
    logger: log.logger,
    metrics: { recordScep: (_profile, outcome) => outcomes.push(outcome) },
    ...(setting.trustProxy === undefined ? {} : { trustProxy: setting.trustProxy }),
  })
  const server = await startServer(app, { host: '127.0.0.1', port: 0, logger: log.logger })
  t.after(() => server.stop())
  return {
    server,
    received,
    contexts,
    outcomes,
    logText: log.text,
    get: (target, headers = '') =>
      exchange(server.port, `GET ${target} HTTP/1.1\r\nHost: device.test\r\n${headers}\r\n`),
  }
}

const mscep = '/certsrv/mscep/mscep.dll'

function post(target: string, body: Uint8Array, headers = ''): Buffer {
  const head = `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.byteLength}\r\n${headers}\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

function hasNoBodyCodingSurprises(answer: RawReply): void {
  assert.equal(answer.headers['content-length'], String(answer.body.byteLength))
  assert.equal(answer.headers['transfer-encoding'], undefined)
  assert.equal(answer.headers['content-encoding'], undefined)
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.equal(answer.headers['x-content-type-options'], 'nosniff')
  assert.equal(answer.headers['x-powered-by'], undefined)
}

test('REQ-24, REQ-25, REQ-26, REQ-33: GetCACaps is exactly the keywords, in order, one a line', async (t) => {
  const { get } = await bench(t)
  const answer = await get(`${mscep}?operation=GetCACaps&message=default`)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['content-type'], 'text/plain')
  assert.equal(answer.body.toString(), 'Renewal\nSHA-256\nAES\nSCEPStandard\nPOSTPKIOperation\n')
  hasNoBodyCodingSurprises(answer)
})

test('REQ-35, REQ-36, REQ-44: GetCACert is a bag of all certificates, without a charset', async (t) => {
  const { get } = await bench(t)
  const answer = await get(`${mscep}?operation=GetCACert`)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['content-type'], 'application/x-x509-ca-ra-cert')
  assert.ok(answer.body.includes(Buffer.concat([ra, root])), 'in list order, not sorted')
  hasNoBodyCodingSurprises(answer)
})

test('GetCACert follows a renewed RA certificate', async (t) => {
  let current = ra
  const { get } = await bench(t, { endpoint: { caCertificates: () => [current, root] } })
  current = Buffer.from('300402020009', 'hex')
  const answer = await get(`${mscep}?operation=GetCACert`)
  assert.ok(answer.body.includes(current))
})

test('REQ-34, REQ-45, REQ-195: a single CA certificate goes out as it is, and the walk through a chain ends', async (t) => {
  const { get } = await bench(t, { endpoint: { singleCaCert: true } })
  const answer = await get(`${mscep}?operation=GetCACert&message=0`)
  assert.equal(answer.headers['content-type'], 'application/x-x509-ca-cert')
  assert.deepEqual(answer.body, ra)
  const next = await get(`${mscep}?operation=GetCACert&message=1`)
  assert.equal(next.status, 404)
  assert.equal(next.headers['content-type'], 'text/plain')
  const chain = await get(`${mscep}?operation=GetCACertChain&message=1`)
  assert.equal(chain.status, 200)
  assert.equal(chain.headers['content-type'], 'application/x-x509-ca-ra-cert')
})

test('REQ-49: GetNextCACert is 404 while there is none', async (t) => {
  const { get } = await bench(t)
  const answer = await get(`${mscep}?operation=GetNextCACert`)
  assert.equal(answer.status, 404)
  assert.equal(answer.headers['content-type'], 'text/plain')
})

for (const path of [
  '/certsrv/mscep/mscep.dll',
  '/CertSrv/MSCEP/mscep.DLL/pkiclient.exe',
  '/certsrv/mscep',
  '/certsrv/mscep/',
  '/certsrv/mscep/pkiclient.exe',
  '//certsrv//mscep/mscep.dll',
  '/cgi-bin/pkiclient.exe',
  '/scep',
  '/SCEP/',
  '/scep/pkiclient.exe',
  '/scep/default',
  '/scep/default/pkiclient.exe',
]) {
  test(`REQ-1, REQ-3: the default profile answers at ${path}`, async (t) => {
    const { get } = await bench(t)
    const answer = await get(`${path}?operation=GetCACaps`)
    assert.equal(answer.status, 200)
    assert.match(answer.body.toString(), /^Renewal/)
  })
}

test('REQ-2: a profile answers at its own path, an unknown one is 404', async (t) => {
  const { get } = await bench(t)
  assert.equal((await get('/scep/other?operation=GetCACaps')).body.toString(), 'SHA-1\nDES3\n')
  assert.equal((await get('/scep/nobody?operation=GetCACaps')).status, 404)
})

test('REQ-2, REQ-153: paths beside SCEP are 404', async (t) => {
  const { get } = await bench(t)
  for (const path of ['/', '/certsrv/mscep_admin/', '/healthz', '/metrics', '/scepter', '/%zz']) {
    assert.equal((await get(`${path}?operation=GetCACaps`)).status, 404, path)
  }
})

test('REQ-6, REQ-7, REQ-151, REQ-160: the mscep path without an operation is 403, other paths 400', async (t) => {
  const { get } = await bench(t)
  const landing = await get(mscep)
  assert.equal(landing.status, 403)
  hasNoBodyCodingSurprises(landing)
  assert.equal((await get('/scep')).status, 400)
})

test('REQ-4: operations are compared without letter case, unknown ones are 400', async (t) => {
  const { get } = await bench(t)
  assert.equal((await get(`${mscep}?operation=getcacaps`)).status, 200)
  const unknown = await get(`${mscep}?operation=<script>`)
  assert.equal(unknown.status, 400)
  assert.equal(unknown.headers['content-type'], 'text/plain')
  assert.doesNotMatch(unknown.body.toString(), /script/)
})

test('REQ-8: HEAD tells the length and sends no body', async (t) => {
  const { server, get } = await bench(t)
  const whole = await get(`${mscep}?operation=GetCACaps`)
  const answer = await exchange(
    server.port,
    `HEAD ${mscep}?operation=GetCACaps HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  )
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['content-length'], String(whole.body.byteLength))
  assert.equal(answer.body.byteLength, 0)
})

test('REQ-8: other methods are told which ones there are', async (t) => {
  const { server, received } = await bench(t)
  const ask = (method: string, query: string) =>
    exchange(
      server.port,
      `${method} ${mscep}${query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    )
  const cases = [
    ['POST', '?operation=GetCACaps', 'GET, HEAD'],
    ['PUT', '?operation=PKIOperation', 'GET, HEAD, POST'],
    ['HEAD', '?operation=PKIOperation&message=MAA', 'GET, POST'],
    ['DELETE', '', 'GET, HEAD, POST'],
  ] as const
  for (const [method, query, allow] of cases) {
    const answer = await ask(method, query)
    assert.equal(answer.status, 405, `${method} ${query}`)
    assert.equal(answer.headers['allow'], allow)
  }
  assert.equal(received.length, 0)
})

test('REQ-5, REQ-15, REQ-53, REQ-63: a POSTed message reaches the enrolment octet for octet and its reply comes back', async (t) => {
  const { server, received, contexts, outcomes } = await bench(t)
  const answer = await exchange(
    server.port,
    post(`${mscep}?operation=PKIOperation`, message, 'Content-Type: application/x-pki-message\r\n'),
  )
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['content-type'], 'application/x-pki-message')
  assert.deepEqual(answer.body, reply)
  hasNoBodyCodingSurprises(answer)
  assert.deepEqual(received, [message])
  assert.match(contexts[0]?.requestId ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-4/)
  assert.equal(contexts[0]?.remoteAddress, '127.0.0.1')
  assert.equal(contexts[0]?.signal.aborted, false)
  assert.deepEqual(outcomes, ['issued'])
})

const oddPosts = [
  ['an empty content type', 'Content-Type:\r\n', '?operation=PKIOperation'],
  ['no content type', '', '?operation=PKIOperation'],
  [
    'a form’s content type',
    'Content-Type: application/x-www-form-urlencoded\r\n',
    '?operation=PKIOperation',
  ],
  ['JSON’s content type', 'Content-Type: application/json\r\n', '?operation=PKIOperation'],
  ['no operation', '', ''],
  ['a CA identifier beside', '', '?message=x&operation=pkioperation'],
] as const

for (const [title, headers, query] of oddPosts) {
  test(`REQ-20: a POST with ${title} is read as octets`, async (t) => {
    const { server, received } = await bench(t)
    assert.equal((await exchange(server.port, post(mscep + query, message, headers))).status, 200)
    assert.deepEqual(received, [message])
  })
}

test('REQ-15, REQ-53: a POST in chunks is read as well', async (t) => {
  const { server, received } = await bench(t)
  const head = `POST ${mscep} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`
  const size = message.byteLength.toString(16)
  const chunked = Buffer.concat([
    Buffer.from(`${head}${size}\r\n`),
    message,
    Buffer.from('\r\n0\r\n\r\n'),
  ])
  assert.equal((await exchange(server.port, chunked)).status, 200)
  assert.deepEqual(received, [message])
})

test('REQ-21: a POST of base64 text is decoded', async (t) => {
  const { server, received } = await bench(t)
  const text = message.toString('base64').replace(/(.{16})/g, '$1\r\n')
  assert.equal((await exchange(server.port, post(mscep, Buffer.from(text)))).status, 200)
  assert.deepEqual(received, [message])
})

const base64 = message.toString('base64')
const spellings = [
  ['escaped', encodeURIComponent(base64)],
  ['with plus and slash as they are', base64],
  ['broken by %0A', encodeURIComponent(base64.replace(/(.{16})/g, '$1\n'))],
  ['broken by %0D%0A', encodeURIComponent(base64.replace(/(.{16})/g, '$1\r\n'))],
  ['escaped twice', encodeURIComponent(encodeURIComponent(base64))],
  ['as base64url without padding', message.toString('base64url')],
] as const

for (const [title, text] of spellings) {
  test(`REQ-54, REQ-55, REQ-56, REQ-57: a message in the query is understood ${title}`, async (t) => {
    const { get, received } = await bench(t)
    assert.ok(base64.includes('+') && base64.includes('/'))
    const answer = await get(`${mscep}?operation=PKIOperation&message=${text}`)
    assert.equal(answer.status, 200)
    assert.deepEqual(received, [message])
  })
}

test('REQ-10, REQ-11: parameters may come in any order, after a second question mark, with others between', async (t) => {
  const { get, received } = await bench(t)
  const text = encodeURIComponent(base64)
  await get(`${mscep}?message=${text}&operation=PKIOperation`)
  await get(`${mscep}?site=7?operation=PKIOperation&message=${text}`)
  await get(`${mscep}?operation=PKIOperation&x=1&message=${text}&device=9`)
  assert.deepEqual(received, [message, message, message])
})

for (const length of [11_000, 65_534]) {
  test(`REQ-59, REQ-60: a request line of ${length} characters is served`, async (t) => {
    const { get, received } = await bench(t)
    const long = Buffer.concat([message, Buffer.alloc(Math.floor(length * 0.75) - 80, 0xff)])
    const target = `${mscep}?operation=PKIOperation&message=${long.toString('base64')}`
    assert.ok(target.length > length - 100)
    assert.equal((await get(target)).status, 200)
    assert.deepEqual(received, [long])
  })
}

test('REQ-13: HTTP/1.0 without a Host header is served, with a length', async (t) => {
  const { server } = await bench(t)
  const answer = await exchange(server.port, `GET ${mscep}?operation=GetCACaps HTTP/1.0\r\n\r\n`)
  assert.equal(answer.status, 200)
  hasNoBodyCodingSurprises(answer)
})

test('REQ-14: HTTP/1.1 without a Host header is served', async (t) => {
  const { server, received } = await bench(t)
  const target = `${mscep}?operation=PKIOperation&message=${encodeURIComponent(base64)}`
  const answer = await exchange(server.port, `GET ${target} HTTP/1.1\r\n\r\n`)
  assert.equal(answer.status, 200)
  assert.deepEqual(received, [message])
})

test('REQ-12: a request target in absolute form is reduced to its path', async (t) => {
  const { get } = await bench(t)
  const answer = await get(`http://connector.test:8080${mscep}?operation=GetCACaps`)
  assert.equal(answer.status, 200)
  assert.equal((await get('http://connector.test?operation=GetCACaps')).status, 404)
})

test('REQ-62: a body beyond the limit is 413, announced or not', async (t) => {
  const { server, received, outcomes } = await bench(t, { limits: { maxBodyBytes: 1_000 } })
  const announced = await exchange(server.port, post(mscep, Buffer.alloc(1_001, 0x30)))
  assert.equal(announced.status, 413)
  const chunk = `${(2_000).toString(16)}\r\n${'0'.repeat(2_000)}\r\n`
  const surprise = await exchange(
    server.port,
    `POST ${mscep} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`,
  )
  assert.equal(surprise.status, 413)
  assert.equal(received.length, 0)
  assert.deepEqual(outcomes, ['malformed', 'malformed'])
})

test('a compressed body is refused, not unpacked', async (t) => {
  const { server } = await bench(t)
  const answer = await exchange(server.port, post(mscep, message, 'Content-Encoding: gzip\r\n'))
  assert.equal(answer.status, 415)
})

test('REQ-7, REQ-64: what is no message is 400 with one sentence', async (t) => {
  const { server, get, received, outcomes } = await bench(t, {
    answer: () => Promise.reject(new ConnectorError('scep/malformed', 'no transactionID')),
  })
  const noBase64 = await get(`${mscep}?operation=PKIOperation&message=***`)
  assert.equal(noBase64.status, 400)
  assert.equal((await get(`${mscep}?operation=PKIOperation`)).status, 400)
  assert.equal(received.length, 0)
  const noScep = await exchange(server.port, post(mscep, message))
  assert.equal(noScep.status, 400)
  assert.equal(noScep.headers['content-type'], 'text/plain')
  assert.doesNotMatch(noScep.body.toString(), /transactionID/)
  assert.deepEqual(outcomes, ['malformed', 'malformed', 'malformed'])
})

test('busy workers are 503 with Retry-After', async (t) => {
  const { server, outcomes } = await bench(t, {
    answer: () =>
      Promise.reject(new ConnectorError('worker/overloaded', 'full', { retryAfterMs: 7_000 })),
  })
  const answer = await exchange(server.port, post(mscep, message))
  assert.equal(answer.status, 503)
  assert.equal(answer.headers['retry-after'], '7')
  assert.deepEqual(outcomes, ['busy'])
})

test('more enrolments at a time than allowed are told to come back', async (t) => {
  const gate = Promise.withResolvers<'issued'>()
  const arrived = Promise.withResolvers<void>()
  const { server, outcomes } = await bench(t, {
    limits: { maxRunningEnrolments: 1 },
    answer: () => {
      arrived.resolve()
      return gate.promise
    },
  })
  const first = exchange(server.port, post(mscep, message))
  await arrived.promise
  assert.equal((await exchange(server.port, post(mscep, message))).status, 503)
  gate.resolve('issued')
  assert.equal((await first).status, 200)
  assert.deepEqual(outcomes, ['busy', 'issued'])
})

test('an enrolment is told when its time is up', async (t) => {
  const { server } = await bench(t, {
    limits: { enrolmentTimeoutMs: 20 },
    answer: (context) =>
      new Promise((resolve) => {
        context.signal.addEventListener('abort', () => resolve('failed'))
      }),
  })
  assert.equal((await exchange(server.port, post(mscep, message))).status, 200)
})

test('REQ-190: a source with too many requests gets 503, and still GetCACaps', async (t) => {
  const { server, get, outcomes } = await bench(t, { limits: { rates: { requestsPerSource: 1 } } })
  assert.equal((await exchange(server.port, post(mscep, message))).status, 200)
  const limited = await exchange(server.port, post(mscep, message))
  assert.equal(limited.status, 503)
  assert.ok(Number(limited.headers['retry-after']) >= 1)
  assert.equal((await get(`${mscep}?operation=GetCACaps`)).status, 200)
  assert.deepEqual(outcomes, ['issued', 'limited'])
})

test('REQ-190: a source whose challenges are refused is limited before other sources', async (t) => {
  const { server } = await bench(t, {
    trustProxy: 1,
    limits: { rates: { failedChallengesPerSource: 2 } },
    answer: () => Promise.resolve('challenge-refused'),
  })
  const from = (address: string) =>
    exchange(server.port, post(mscep, message, `X-Forwarded-For: ${address}\r\n`))
  assert.equal((await from('192.0.2.1')).status, 200)
  assert.equal((await from('192.0.2.1')).status, 200)
  assert.equal((await from('192.0.2.1')).status, 503)
  assert.equal((await from('192.0.2.2')).status, 200)
})

test('without a trusted proxy nobody can choose an address', async (t) => {
  const { server, contexts } = await bench(t)
  await exchange(server.port, post(mscep, message, 'X-Forwarded-For: 192.0.2.1\r\n'))
  assert.equal(contexts[0]?.remoteAddress, '127.0.0.1')
})

test('a failure of ours is one sentence; its reason is in the log, with the request’s ID', async (t) => {
  const { server, contexts, logText } = await bench(t, {
    answer: () => Promise.reject(new TypeError('inner detail')),
  })
  const answer = await exchange(server.port, post(mscep, message))
  assert.equal(answer.status, 500)
  assert.doesNotMatch(answer.body.toString(), /inner|TypeError|at /)
  assert.match(logText(), /inner detail/)
  assert.ok(logText().includes(`"requestId":"${contexts[0]?.requestId}"`))
})

test('the log holds method, path and status, and neither message nor headers nor stack', async (t) => {
  const { get, logText } = await bench(t, {
    answer: () => Promise.reject(new TypeError('broken')),
  })
  await get(
    `${mscep}?operation=PKIOperation&message=${encodeURIComponent(base64)}`,
    'Authorization: Basic c2VjcmV0\r\nX-Marked: marked-header\r\n',
  )
  const text = logText()
  assert.ok(text.includes(`"path":"${mscep}"`))
  assert.match(text, /"statusCode":500/)
  assert.doesNotMatch(text, /operation|c2VjcmV0|marked-header|device-app\.test|"stack"/)
  assert.ok(!text.includes(base64.slice(0, 12)))
})

test('what went well is logged at debug, a refusal at info, a failure of ours at error', async (t) => {
  const { server, get, logText } = await bench(t, {
    answer: () => Promise.reject(new TypeError('broken')),
  })
  await get(`${mscep}?operation=GetCACaps`)
  await get('/nowhere')
  await exchange(server.port, post(mscep, message))
  await server.stop()
  const lines = logText()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg }) => String(msg).startsWith('request '))
  assert.deepEqual(
    lines.map(({ level, msg, res }) => ({ level, msg, res })),
    [
      { level: 20, msg: 'request answered', res: { statusCode: 200 } },
      { level: 30, msg: 'request answered', res: { statusCode: 404 } },
      { level: 50, msg: 'request failed', res: { statusCode: 500 } },
    ],
  )
})

test('every answer carries the headers that protect a browser', async (t) => {
  const { server, get } = await bench(t, {})
  const shown = await get('/certsrv/mscep/')
  assert.equal(shown.headers['content-security-policy'], "default-src 'none'")
  assert.equal(shown.headers['x-frame-options'], 'SAMEORIGIN')
  const posted = await exchange(server.port, post(mscep, message))
  assert.equal(posted.headers['content-security-policy'], "default-src 'none'")
  assert.equal(posted.headers['x-content-type-options'], 'nosniff')
  assert.equal(posted.headers['cache-control'], 'no-store')
})

const crl: CaFile = {
  bytes: Buffer.from('3003020107', 'hex'),
  lastModified: new Date('2026-11-22T10:00:00.500Z'),
  maxAgeSeconds: 600,
}

test('a CRL is published with type, validator and age, and not sent twice', async (t) => {
  const { get } = await bench(t, { crl })
  const answer = await get('/crl/issuing.crl')
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['content-type'], 'application/pkix-crl')
  assert.equal(answer.headers['cache-control'], 'public, max-age=600')
  assert.equal(answer.headers['last-modified'], 'Sun, 22 Nov 2026 10:00:00 GMT')
  assert.deepEqual(answer.body, crl.bytes)
  const tag = answer.headers['etag'] ?? ''
  assert.match(tag, /^"[\w-]{20,}"$/)
  const closing = 'Connection: close\r\n'
  const again = await get('/crl/issuing.crl', `If-None-Match: ${tag}\r\n${closing}`)
  assert.equal(again.status, 304)
  assert.equal(again.body.byteLength, 0)
  const since = `If-Modified-Since: Sun, 22 Nov 2026 10:00:00 GMT\r\n${closing}`
  assert.equal((await get('/crl/issuing.crl', since)).status, 304)
  assert.equal((await get('/crl/issuing.crl', 'If-None-Match: "other"\r\n')).status, 200)
})

test('a broken escape in a path is 400, not a failure of ours', async (t) => {
  const { get, logText } = await bench(t, { crl })
  for (const path of ['/crl/%E0%A4%A.crl', '/aia/%.cer', '/crl/%ff.crl']) {
    assert.equal((await get(path)).status, 400, path)
  }
  assert.doesNotMatch(logText(), /"level":50/)
})

test('files of an unknown CA are 404, and only reading is allowed', async (t) => {
  const { server, get } = await bench(t, { crl })
  assert.equal((await get('/crl/nobody.crl')).status, 404)
  assert.equal((await get('/aia/issuing.cer')).status, 404)
  const posted = await exchange(server.port, post('/crl/issuing.crl', message))
  assert.equal(posted.status, 405)
  assert.equal(posted.headers['allow'], 'GET, HEAD')
})
