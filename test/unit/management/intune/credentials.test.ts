import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { before, test } from 'node:test'
import { jwtVerify } from 'jose'
import { Secret } from '../../../../src/kernel/index.ts'
import { startConnectProxy } from '../../../support/connect-proxy.ts'
import {
  makeThrowawayIdentity,
  type ThrowawayIdentity,
} from '../../../support/throwaway-identity.ts'
import { CLIENT_ID, patient, request, startBench, TENANT } from './fixture.ts'

let rsa: ThrowawayIdentity
before(async () => {
  rsa = await makeThrowawayIdentity('rsa')
})

test('check 50: a certificate signs PS256 assertions for the token URL, fresh for each call', async () => {
  await using bench = await startBench(() => ({
    credential: { certificatePem: rsa.certificatePem, privateKey: new Secret(rsa.privateKeyPem) },
    clock: { now: () => new Date() },
  }))
  assert.equal((await bench.client.validator.validate(request, patient)).kind, 'accepted')
  const certificate = new X509Certificate(rsa.certificatePem)
  const jtis = new Set<unknown>()
  for (const call of bench.server.callsOf('token')) {
    const form = new URLSearchParams(call.body)
    assert.equal(form.get('client_secret'), null)
    assert.equal(
      form.get('client_assertion_type'),
      'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    )
    const jwt = form.get('client_assertion') ?? ''
    const { payload, protectedHeader } = await jwtVerify(jwt, certificate.publicKey, {
      algorithms: ['PS256'],
      audience: `${bench.server.url}/${TENANT}/oauth2/v2.0/token`,
      issuer: CLIENT_ID,
      subject: CLIENT_ID,
    })
    const thumbprint = createHash('sha256').update(certificate.raw).digest('base64url')
    assert.equal(protectedHeader['x5t#S256'], thumbprint)
    assert.equal(payload.nbf, payload.iat)
    assert.ok((payload.exp ?? 0) - (payload.nbf ?? 0) <= 600)
    jtis.add(payload.jti)
  }
  assert.equal(jtis.size, 2)
})

test('a key object serves as well as PEM', async () => {
  await using bench = await startBench(() => ({
    credential: { certificatePem: rsa.certificatePem, privateKey: rsa.privateKey },
  }))
  assert.equal((await bench.client.validator.validate(request, patient)).kind, 'accepted')
})

test('a key that is not RSA, not readable or not of this certificate is refused at once', async () => {
  const ec = await makeThrowawayIdentity('ec')
  const other = await makeThrowawayIdentity('rsa')
  const wrong = [
    { certificatePem: ec.certificatePem, privateKey: ec.privateKey },
    { certificatePem: rsa.certificatePem, privateKey: new Secret('MARKED no key') },
    { certificatePem: rsa.certificatePem, privateKey: other.privateKey },
  ]
  for (const credential of wrong) {
    await assert.rejects(
      startBench(() => ({ credential })),
      (thrown: Error & { code?: string }) =>
        thrown.code === 'management/misconfigured' && !thrown.message.includes('MARKED'),
    )
  }
})

test('check 51: every call goes through a CONNECT proxy without credentials', async () => {
  await using proxy = await startConnectProxy()
  await using bench = await startBench(() => ({ proxy: { url: proxy.url } }))
  assert.equal((await bench.client.validator.validate(request, patient)).kind, 'accepted')
  assert.ok(proxy.tunnels.length > 0)
  assert.ok(proxy.tunnels.every((target) => target === `127.0.0.1:${bench.server.port}`))
  assert.ok(proxy.credentials.every((given) => given === undefined))
})

test('check 51: a CONNECT proxy gets user and password, and nobody else does', async () => {
  const basic = `Basic ${Buffer.from('häns:p@ss:word').toString('base64')}`
  await using proxy = await startConnectProxy(basic)
  await using bench = await startBench(() => ({
    proxy: { url: proxy.url, username: 'häns', password: new Secret('p@ss:word') },
  }))
  assert.equal((await bench.client.validator.validate(request, patient)).kind, 'accepted')
  assert.ok(proxy.credentials.every((given) => given === basic))
  assert.ok(bench.server.calls.every((call) => call.headers['proxy-authorization'] === undefined))
})

test('check 51: a proxy that refuses the credentials is an outage that names them without telling them', async () => {
  await using proxy = await startConnectProxy('Basic other')
  await using bench = await startBench(() => ({
    proxy: { url: proxy.url, username: 'u', password: new Secret('MARKED') },
  }))
  await assert.rejects(
    bench.client.validator.validate(request, patient),
    (thrown: Error & { code?: string }) =>
      thrown.code === 'management/unavailable' &&
      /407.*proxy\.username/.test(thrown.message) &&
      !thrown.message.includes('MARKED'),
  )
  assert.equal(bench.server.calls.length, 0)
})

test('hosts that noProxy names are reached directly, others are not', async () => {
  for (const [noProxy, isDirect] of [
    [['127.0.0.1'], true],
    [['.0.0.1'], true],
    [['example.org', '27.0.0.1'], false],
  ] as const) {
    await using proxy = await startConnectProxy()
    await using bench = await startBench(() => ({ proxy: { url: proxy.url, noProxy } }))
    assert.equal((await bench.client.validator.validate(request, patient)).kind, 'accepted')
    assert.equal(proxy.tunnels.length === 0, isDirect, noProxy.join())
  }
})

test('a server that is not trusted gets nothing', async () => {
  const stranger = await makeThrowawayIdentity('ec')
  await using bench = await startBench(() => ({ trustedCaPem: stranger.certificatePem }))
  await assert.rejects(bench.client.validator.validate(request, patient), {
    code: 'management/unavailable',
    message: /DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY|CERT_SIGNATURE_FAILURE/,
  })
  assert.equal(bench.server.calls.length, 0)
})
