import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { get as getTls } from 'node:https'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { startServer } from '../../../src/http/server.ts'
import { ConnectorError } from '../../../src/kernel/index.ts'
import { makeThrowawayIdentity } from '../../support/throwaway-identity.ts'
import { captureLog } from './captured-log.ts'
import { exchange } from './raw-http.ts'

const { logger } = captureLog()
const loopback = { host: '127.0.0.1', port: 0, logger }

const hello: RequestListener = (req, res) => {
  res.setHeader('Content-Length', 5)
  res.end(req.method === 'HEAD' ? '' : 'hello')
}

test('a port that is taken is reported with the address and the remedy', async (t) => {
  const first = await startServer(hello, loopback)
  t.after(() => first.stop())
  await assert.rejects(startServer(hello, { ...loopback, port: first.port }), (error) => {
    assert.ok(error instanceof ConnectorError)
    assert.equal(error.code, 'config/invalid')
    assert.ok(error.message.includes(`127.0.0.1:${first.port}`))
    assert.match(error.message, /another program uses this port/)
    return true
  })
})

test('an address that this machine does not have is reported', async () => {
  await assert.rejects(startServer(hello, { ...loopback, host: '192.0.2.1' }), (error) => {
    assert.ok(error instanceof ConnectorError)
    assert.equal(error.code, 'config/invalid')
    return true
  })
})

test('TLS material that is no PEM is reported without showing it', async () => {
  const tls = { certificatesPem: 'no certificate', keyPem: 'no-key-at-all' }
  await assert.rejects(startServer(hello, { ...loopback, tls }), (error) => {
    assert.ok(error instanceof ConnectorError)
    assert.equal(error.code, 'key/unreadable')
    assert.doesNotMatch(error.message, /no-key-at-all/)
    return true
  })
})

test('REQ-15: bytes that are no HTTP get a whole 400 and the connection ends', async (t) => {
  const server = await startServer(hello, loopback)
  t.after(() => server.stop())
  const reply = await exchange(server.port, '\x16\x03\x01 not http\r\n\r\n')
  assert.equal(reply.status, 400)
  assert.equal(reply.headers['content-length'], String(reply.body.length))
})

test('an expectation that cannot be met gets a whole 417 and the connection ends', async (t) => {
  const server = await startServer(hello, loopback)
  t.after(() => server.stop())
  const request = 'GET / HTTP/1.1\r\nHost: x\r\nExpect: the-unexpected\r\n\r\n'
  const reply = await exchange(server.port, request)
  assert.equal(reply.status, 417)
  assert.equal(reply.headers['transfer-encoding'], undefined)
  assert.equal(Number(reply.headers['content-length']), reply.body.byteLength)
  assert.equal(reply.headers['connection'], 'close')
})

test('REQ-60: a header beyond 128 KiB gets 431', async (t) => {
  const server = await startServer(hello, loopback)
  t.after(() => server.stop())
  const reply = await exchange(
    server.port,
    `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(140_000)}\r\n\r\n`,
  )
  assert.equal(reply.status, 431)
})

test('a sender that never ends its headers loses its connection', async (t) => {
  const server = await startServer(hello, { ...loopback, headersTimeoutMs: 100 })
  t.after(() => server.stop())
  const reply = await exchange(server.port, 'GET / HTTP/1.1\r\nX-Slow: ')
  assert.equal(reply.status, 408)
})

test('stopping finishes what runs, refuses new connections, and then the port is free', async (t) => {
  let answer: (() => void) | undefined
  const arrived = Promise.withResolvers<void>()
  const server = await startServer((_req, res) => {
    answer = () => res.end('finished')
    arrived.resolve()
  }, loopback)
  t.after(() => server.stop())
  const reply = exchange(server.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await arrived.promise
  assert.equal(server.running(), 1)
  const stopped = server.stop()
  await assert.rejects(exchange(server.port, 'GET / HTTP/1.0\r\n\r\n'), { code: 'ECONNREFUSED' })
  answer?.()
  assert.match((await reply).body.toString(), /finished/)
  await stopped
  const next = await startServer(hello, { ...loopback, port: server.port })
  await next.stop()
})

test('stopping does not wait for idle connections', async () => {
  const server = await startServer(hello, { ...loopback, keepAliveTimeoutMs: 60_000 })
  const idle = connect(server.port, '127.0.0.1')
  const ended = new Promise((resolve) => idle.once('close', resolve))
  idle.resume().on('error', () => undefined)
  await new Promise((resolve) => idle.once('connect', resolve))
  await server.stop()
  await ended
})

test('stopping ends requests that take longer than it waits', async () => {
  const arrived = Promise.withResolvers<void>()
  const server = await startServer(() => arrived.resolve(), { ...loopback, stopTimeoutMs: 50 })
  const reply = exchange(server.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  reply.catch(() => undefined)
  await arrived.promise
  await server.stop()
  await assert.rejects(reply)
})

test('connections beyond the limit are dropped and logged, not served', async (t) => {
  const log = captureLog()
  const options = { ...loopback, logger: log.logger, maxConnections: 1 }
  const server = await startServer(hello, options)
  const first = connect(server.port, '127.0.0.1')
  first.on('error', () => undefined)
  t.after(async () => {
    first.destroy()
    await server.stop()
  })
  await new Promise((resolve) => first.once('connect', resolve))
  await assert.rejects(exchange(server.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'))
  assert.match(log.text(), /too many at a time/)
})

test('REQ-17: a TLS listener serves, and takes over a renewed certificate', async (t) => {
  const [first, second] = [await makeThrowawayIdentity(), await makeThrowawayIdentity()]
  const tls = { certificatesPem: first.certificatePem, keyPem: first.privateKeyPem }
  const server = await startServer(hello, { ...loopback, tls })
  t.after(() => server.stop())
  assert.equal(await getOverTls(server.url, first.certificatePem), 'hello')
  server.updateTls({ certificatesPem: second.certificatePem, keyPem: second.privateKeyPem })
  assert.equal(await getOverTls(server.url, second.certificatePem), 'hello')
  await assert.rejects(getOverTls(server.url, first.certificatePem))
})

test('REQ-18: a client that has a certificate is not asked for it', async (t) => {
  const [own, device] = [await makeThrowawayIdentity(), await makeThrowawayIdentity()]
  const tls = { certificatesPem: own.certificatePem, keyPem: own.privateKeyPem }
  const tell: RequestListener = ({ socket }, res) => {
    const { raw } = (socket as TLSSocket).getPeerCertificate()
    res.end(raw === undefined ? 'nobody' : 'somebody')
  }
  const server = await startServer(tell, { ...loopback, tls })
  t.after(() => server.stop())
  const identity = { cert: device.certificatePem, key: device.privateKeyPem }
  assert.equal(await getOverTls(server.url, own.certificatePem, identity), 'nobody')
})

function getOverTls(
  url: string,
  ca: string,
  identity: { readonly cert?: string; readonly key?: string } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = getTls(url, { ca, ...identity, agent: false }, (answer) => {
      answer.setEncoding('utf8').once('data', resolve)
    })
    call.on('error', reject)
  })
}
