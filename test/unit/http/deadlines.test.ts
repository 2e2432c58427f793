import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { loadBody } from '../../../src/http/request-body.ts'
import { startServer } from '../../../src/http/server.ts'
import { captureLog } from './captured-log.ts'
import { exchange } from './raw-http.ts'

const DEADLINE_MS = 300

/** Reads the body and says how long it was, as the SCEP route does before anything else. */
const countBody: RequestListener = (req, res) => {
  void loadBody(req, 1_000).then((body) => {
    if (res.destroyed || res.writableEnded) return
    res.setHeader('Content-Length', 0)
    res.statusCode = body.kind === 'read' ? 200 : 400
    res.end()
  })
}

async function startShortServer(maxConnections = 1_024) {
  return await startServer(countBody, {
    host: '127.0.0.1',
    port: 0,
    maxConnections,
    logger: captureLog().logger,
    requestTimeoutMs: DEADLINE_MS,
  })
}

const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n'

/** A client that hears the end of the other side and yet never ends its own. */
async function connectStubborn(port: number, t: { after(end: () => void): void }): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => undefined)
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

test('a time for requests shorter than the one for headers is taken', async () => {
  const server = await startShortServer()
  await server.stop()
})

test('a body that never ends is answered with 408 when its time is over', async (t) => {
  const server = await startShortServer()
  t.after(() => server.stop())
  const start = performance.now()
  const reply = await exchange(server.port, `${head}half`)
  assert.equal(reply.status, 408)
  assert.ok(performance.now() - start >= DEADLINE_MS / 2, 'not before')
})

test('a body that comes octet by octet gets no more time than one that stands still', async (t) => {
  const server = await startShortServer()
  t.after(() => server.stop())
  const socket = await connectStubborn(server.port, t)
  socket.write(head)
  const drip = setInterval(() => socket.write('.'), 20)
  t.after(() => clearInterval(drip))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.match(answer.toString('latin1'), /^HTTP\/1\.1 408 /)
})

for (const [title, sent] of [
  ['half a body', `${head}half`],
  ['half a head', 'GET / HTTP/1.1\r\nX-Slow: '],
  ['nothing at all', ''],
] as const) {
  test(`a sender of ${title} that never ends its side loses its place to the next one`, async (t) => {
    const server = await startShortServer(1)
    t.after(() => server.stop())
    const stubborn = await connectStubborn(server.port, t)
    stubborn.resume().write(sent)
    // Its place is the only one: until it is gone, the next one is dropped.
    for (let status = 0; status !== 200; ) {
      status = await exchange(server.port, 'GET / HTTP/1.0\r\n\r\n').then(
        (reply) => reply.status,
        () => 0,
      )
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    assert.equal(server.running(), 0)
  })
}

test('a reader that does not read its answer loses its connection', async (t) => {
  const server = await startServer(
    (_req, res) => {
      res.end(Buffer.alloc(16 * 2 ** 20))
    },
    {
      host: '127.0.0.1',
      port: 0,
      logger: captureLog().logger,
      silenceTimeoutMs: DEADLINE_MS,
    },
  )
  t.after(() => server.stop())
  const reader = await connectStubborn(server.port, t)
  reader.pause().write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  let wasRunning = false
  while (!wasRunning || server.running() > 0) {
    wasRunning ||= server.running() > 0
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
})
