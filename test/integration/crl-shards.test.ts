import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import request from 'supertest'
import { enrolDevice } from '../../src/cli/enrolment-client/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'
import { createOpensslFolder, opensslIsMissing } from '../support/scep-messages/index.ts'

suite('shards and deltas of the CRL over HTTP', { skip: opensslIsMissing() }, () => {
  const folder = createOpensslFolder()
  let running: TestConnector
  before(async () => {
    running = await startTestConnector((configuration) => ({
      ...configuration,
      ca: configuration.ca.map((ca) => ({
        ...ca,
        crl: { ...ca.crl, shards: 2, delta: { enabled: true, everyHours: 1 } },
      })),
    }))
  })
  after(async () => {
    folder.close()
    await running.remove()
  })

  const get = async (path: string) => await fetch(`${running.connector.deviceUrl}${path}`)

  async function waitFor(path: string): Promise<Response> {
    for (const until = Date.now() + 15_000; ; ) {
      const answer = await get(path)
      if (answer.ok) return answer
      await answer.arrayBuffer()
      if (Date.now() > until) throw new Error(`${path}: ${answer.status}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  function print(der: ArrayBuffer): string {
    const file = folder.put('crl.der', Buffer.from(der))
    return folder.run('crl', '-inform', 'DER', '-in', file, '-text', '-noout')
  }

  test('a device gets the address of its shard, where the CRL for this address lies', async () => {
    const { chainPem } = await enrolDevice({
      url: running.scepUrl('static'),
      subject: 'CN=sharded',
      challenge: new Secret('secret'),
    })
    const leaf = folder.put('leaf.pem', chainPem)
    const named = folder.run('x509', '-in', leaf, '-noout', '-ext', 'crlDistributionPoints')
    const url = /URI:(\S+)/.exec(named)?.[1] ?? ''
    assert.match(url, /\/crl\/default\/[01]\.crl$/)
    const text = print(await (await waitFor(new URL(url).pathname)).arrayBuffer())
    assert.ok(text.includes(`URI:${url}\n`), text)
    assert.match(text, /Issuing Distribution Point: critical/)
  })

  test('full CRL, shards and deltas are there, and nothing else', async () => {
    for (const part of ['default', 'default/0', 'default/1', 'default/delta', 'default/1-delta']) {
      const answer = await waitFor(`/crl/${part}.crl`)
      assert.equal(answer.headers.get('content-type'), 'application/pkix-crl')
      await answer.arrayBuffer()
    }
    for (const part of ['default/2', 'default/full', 'default/-1', 'other/0', 'default/%2e%2e'])
      assert.equal((await get(`/crl/${part}.crl`)).status, 404, part)
  })

  test('caches are told how long, and a CRL that they have is not sent again', async () => {
    const answer = await waitFor('/crl/default/0.crl')
    const length = (await answer.arrayBuffer()).byteLength
    assert.equal(answer.headers.get('cache-control'), 'public, max-age=3600')
    const etag = answer.headers.get('etag') ?? ''
    const lastModified = answer.headers.get('last-modified') ?? ''
    // By hand: fetch adds "no-cache" to conditional requests, which asks for the whole answer.
    const device = request(running.connector.deviceUrl)
    const statusWith = async (name: string, value: string) =>
      (await device.get('/crl/default/0.crl').set(name, value)).status
    assert.equal(await statusWith('If-None-Match', etag), 304)
    assert.equal(await statusWith('If-Modified-Since', lastModified), 304)
    assert.equal(await statusWith('If-None-Match', '"other"'), 200)
    const head = await device.head('/crl/default/0.crl')
    assert.equal(head.headers['content-length'], String(length))
    assert.equal((await device.post('/crl/default/0.crl')).status, 405)
  })
})
