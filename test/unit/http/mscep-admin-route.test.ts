import assert from 'node:assert/strict'
import { test } from 'node:test'
import express from 'express'
import request from 'supertest'
import {
  encodeLandingPage,
  encodeMscepAdminPage,
  formatThumbprint,
} from '../../../src/http/mscep-admin-page.ts'
import { createMscepAdminRoute, type MscepAdminPage } from '../../../src/http/mscep-admin-route.ts'
import { Secret } from '../../../src/kernel/index.ts'
import { silentJournal } from './silent-journal.ts'

const certificate = new Uint8Array([0x30, 0x03, 0x02, 0x01, 0x05])

function agentWith(change: Partial<MscepAdminPage> = {}, names: readonly string[] = ['default']) {
  let issued = 0
  const page: MscepAdminPage = {
    charset: 'utf16',
    authenticate: async (name, password) =>
      name === 'jamf' && password === 'pass:word' ? 'allowed' : 'unknown',
    issue: async () => {
      issued += 1
      return { challenge: new Secret('48D232ED9EEC123D'), validMinutes: 60 }
    },
    caCertificate: () => certificate,
    ...change,
  }
  const app = express()
  app.use(
    createMscepAdminRoute({
      pages: new Map(names.map((name) => [name, page])),
      defaultProfile: 'default',
      journal: silentJournal,
    }),
  )
  return { agent: request(app), issued: () => issued }
}

test('REQ-153: the default profile has the page at the three paths of NDES, in any case of letters', async () => {
  const { agent, issued } = agentWith()
  const paths = ['', '/', '/mscep.dll', '/MSCEP.DLL'].map((end) => `/certsrv/mscep_admin${end}`)
  for (const path of [...paths, '/CertSrv/mscep_admin/', '/scep/default/mscep_admin'])
    assert.equal((await agent.get(path).auth('jamf', 'pass:word')).status, 200, path)
  assert.equal(issued(), 6)
  for (const path of [
    '/certsrv/mscep_adminx',
    '/certsrv/mscep_admin/other',
    '/scep/other/mscep_admin',
  ])
    assert.equal((await agent.get(path).auth('jamf', 'pass:word')).status, 404, path)
})

test('REQ-153: without the page of the default profile the paths are 404, whoever asks', async () => {
  const { agent } = agentWith({}, ['other'])
  assert.equal((await agent.get('/certsrv/mscep_admin/').auth('jamf', 'pass:word')).status, 404)
})

test('only GET makes a challenge, and only credentials that can be read are looked at', async () => {
  const { agent, issued } = agentWith()
  for (const method of ['head', 'post', 'put'] as const) {
    const reply = await agent[method]('/certsrv/mscep_admin/').auth('jamf', 'pass:word')
    assert.equal(reply.status, 405)
    assert.equal(reply.headers['allow'], 'GET')
  }
  for (const header of ['Basic', 'Basic !', 'Basic amFtZg==', 'Bearer amFtZjpwYXNzOndvcmQ=', ''])
    assert.equal(
      (await agent.get('/certsrv/mscep_admin/').set('Authorization', header)).status,
      401,
      header,
    )
  const reply = await agent.get('/certsrv/mscep_admin/')
  assert.equal(reply.headers['www-authenticate'], 'Basic realm="certsrv", charset="UTF-8"')
  assert.equal(issued(), 0)
})

test('logins beyond those that are worked out already are told to come again', async () => {
  const gate = Promise.withResolvers<'allowed'>()
  const full = Promise.withResolvers<void>()
  let entered = 0
  const { agent } = agentWith({
    async authenticate() {
      entered += 1
      if (entered === 4) full.resolve()
      return await gate.promise
    },
  })
  const logIn = async () =>
    (await agent.get('/certsrv/mscep_admin/').auth('jamf', 'pass:word')).status
  const first = Array.from({ length: 4 }, logIn)
  await full.promise
  assert.equal(await logIn(), 503)
  gate.resolve('allowed')
  assert.deepEqual(await Promise.all(first), [200, 200, 200, 200])
})

test('REQ-154: configuration selects UTF-8', async () => {
  const { agent } = agentWith({ charset: 'utf8' })
  const reply = await agent.get('/certsrv/mscep_admin/').auth('jamf', 'pass:word')
  assert.equal(reply.headers['content-type'], 'text/html; charset=utf-8')
})

test('REQ-155, REQ-156: thumbprint and password stand where scrapers look, one blank after the tag', () => {
  const text = encodeMscepAdminPage(
    { challenge: new Secret('48D232ED9EEC123D'), validMinutes: 60 },
    certificate,
  )
  const thumbprint = formatThumbprint(certificate)
  assert.match(thumbprint, /^[0-9A-F]{8}( [0-9A-F]{8}){3}$/)
  assert.ok(
    text.includes(`The thumbprint (hash value) for the CA certificate is: <B> ${thumbprint} </B>`),
  )
  assert.ok(text.includes('The enrollment challenge password is: <B> 48D232ED9EEC123D </B>'))
  assert.equal(
    /The enrollment challenge password is: <B> (\S*)/.exec(text)?.[1],
    '48D232ED9EEC123D',
  )
})

test('REQ-157: a reusable password of 32 digits is said not to expire; markup in one stays text', () => {
  const reusable = 'B9E5B1F0'.repeat(4)
  const show = (challenge: string) =>
    encodeMscepAdminPage({ challenge: new Secret(challenge), validMinutes: undefined }, certificate)
  assert.match(show(reusable), new RegExp(`<B> ${reusable} </B>[^]*will not expire`))
  assert.ok(!show('<script>').includes('<script>'))
})

test('REQ-158: a full cache and a missing right are told in the sentences of NDES, without a password', () => {
  const full = encodeMscepAdminPage('full', certificate)
  assert.ok(full.includes('The password cache is full.'))
  const forbidden = encodeMscepAdminPage('forbidden', certificate)
  assert.ok(forbidden.includes('You do not have sufficient permission to enroll with SCEP.'))
  for (const page of [full, forbidden]) assert.ok(!page.includes('challenge password'))
})

test('REQ-151: the landing page has the title of NDES', () => {
  assert.match(encodeLandingPage(), /<Title>Network Device Enrollment Service<\/Title>/)
})
