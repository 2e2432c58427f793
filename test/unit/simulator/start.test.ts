import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import { startSimulator } from '../../../src/simulator/index.ts'
import { WireClient } from './wire-client.ts'

let dataDir: string

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'simulator-'))
})
after(async () => {
  await rm(dataDir, { recursive: true, force: true })
})

describe('start and stop', () => {
  test('tenant and client have fixed defaults, the secret is new every time', async () => {
    await using first = await WireClient.start()
    await using second = await WireClient.start()
    assert.equal(first.simulator.tenantId, second.simulator.tenantId)
    assert.equal(first.simulator.clientId, second.simulator.clientId)
    assert.notEqual(first.simulator.clientSecret, second.simulator.clientSecret)
    assert.ok(first.simulator.clientSecret.length >= 40)
  })

  test('what is given is used', async () => {
    const given = {
      tenantId: 'dddddddd-0000-4000-8000-000000000001',
      clientId: 'dddddddd-0000-4000-8000-000000000002',
      clientSecret: 'given',
    }
    await using wire = await WireClient.start(given)
    const { tenantId, clientId, clientSecret } = wire.simulator
    assert.deepEqual({ tenantId, clientId, clientSecret }, given)
    assert.equal((await wire.postToken()).status, 200)
  })

  for (const servername of ['localhost', '127.0.0.1']) {
    test(`the CA file is enough to trust the TLS certificate for ${servername}`, async () => {
      await using wire = await WireClient.start()
      const ca = await readFile(wire.simulator.caFile, 'utf8')
      assert.equal(ca, wire.simulator.caPem)
      const { port } = new URL(wire.simulator.httpsUrl)
      const options = { ca, host: servername, port: Number(port) }
      await new Promise<void>((resolve, reject) => {
        const socket = connect({ ...options, rejectUnauthorized: true }, () => {
          socket.destroy()
          resolve()
        })
        socket.once('error', reject)
      })
    })
  }

  test('a client that does not trust the CA refuses', async () => {
    await using wire = await WireClient.start()
    await assert.rejects(fetch(wire.simulator.httpsUrl), (error: Error) => {
      assert.match(String(error.cause), /self-signed|unable to (get|verify)/)
      return true
    })
  })

  for (const option of ['httpsPort', 'controlPort'] as const) {
    test(`a ${option} in use is config/invalid, with port and remedy`, async () => {
      const squatter = createServer()
      const port = await new Promise<number>((resolve) => {
        squatter.listen(0, '127.0.0.1', () => {
          const address = squatter.address()
          resolve(typeof address === 'object' && address ? address.port : 0)
        })
      })
      const ports = { httpsPort: 0, controlPort: 0, [option]: port }
      await assert.rejects(startSimulator({ dataDir, ...ports }), {
        code: 'config/invalid',
        message: new RegExp(`${option}.*port ${port} \\(EADDRINUSE\\).*choose another port`),
      })
      await new Promise((resolve) => squatter.close(resolve))
    })
  }

  test('a port that does not exist is config/invalid', async () => {
    await assert.rejects(startSimulator({ dataDir, httpsPort: 70_000, controlPort: 0 }), {
      code: 'config/invalid',
    })
  })

  test('a data folder that cannot be made is config/invalid', async () => {
    const file = join(dataDir, 'a-file')
    await writeFile(file, '')
    const options = { dataDir: join(file, 'below'), httpsPort: 0, controlPort: 0 }
    await assert.rejects(startSimulator(options), { code: 'config/invalid' })
  })

  test('an app with a certificate that is none is config/invalid', async () => {
    const apps = [{ clientId: 'x', certificatesPem: ['none'] }]
    const options = { dataDir, httpsPort: 0, controlPort: 0, apps }
    await assert.rejects(startSimulator(options), { code: 'config/invalid' })
  })

  test('closing twice is harmless, and the ports are free afterwards', async () => {
    const first = await startSimulator({ dataDir, httpsPort: 0, controlPort: 0 })
    await first.close()
    await first.close()
    const httpsPort = Number(new URL(first.httpsUrl).port)
    const second = await startSimulator({ dataDir, httpsPort, controlPort: 0 })
    await second.close()
  })
})

describe('the challenge is real CMS', () => {
  test('openssl verifies the signature and finds the envelope inside', async () => {
    await using wire = await WireClient.start()
    const [signed, enveloped] = [join(dataDir, 'signed.der'), join(dataDir, 'enveloped.der')]
    await writeFile(signed, Buffer.from(await wire.mint(), 'base64'))
    const openssl = promisify(execFile)
    const der = ['-inform', 'DER', '-in']
    await openssl('openssl', ['cms', '-verify', '-noverify', ...der, signed, '-out', enveloped])
    const { stdout } = await openssl('openssl', ['cms', '-cmsout', '-print', ...der, enveloped])
    assert.match(stdout, /pkcs7-envelopedData/)
    assert.match(stdout, /rsaesOaep/)
    assert.match(stdout, /aes-256-cbc/)
  })
})
