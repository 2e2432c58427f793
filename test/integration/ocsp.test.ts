import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, suite, test } from 'node:test'
import { enrolDevice } from '../../src/cli/enrolment-client/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { runCommand } from '../cli/command-run.ts'
import { runProgram } from '../interop/run-program.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'
import { createOpensslFolder, opensslIsMissing } from '../support/scep-messages/index.ts'

const skip = opensslIsMissing()

suite('OCSP beside a connector that runs, asked by openssl', { skip }, () => {
  const folder = createOpensslFolder()
  let running: TestConnector
  let leaf: string
  let sha1Hex: string
  before(async () => {
    running = await startTestConnector((configuration) => ({
      ...configuration,
      ca: configuration.ca.map((ca) => ({ ...ca, ocsp: { ...ca.ocsp, cacheSeconds: 0 } })),
    }))
    const device = await enrolDevice({
      url: running.scepUrl('static'),
      subject: 'CN=asked-about',
      challenge: new Secret('secret'),
    })
    const [leafPem = '', issuingPem = '', rootPem = ''] = device.chainPem.split(/(?=-----BEGIN)/)
    leaf = folder.put('leaf.pem', leafPem)
    folder.put('issuing.pem', issuingPem)
    folder.put('root.pem', rootPem)
    sha1Hex = device.sha1Hex
  })
  after(async () => {
    folder.close()
    await running.remove()
  })

  const ask = async (...words: readonly string[]) => {
    const end = await runProgram('openssl', [
      ['ocsp', '-issuer', folder.path('issuing.pem'), '-CAfile', folder.path('root.pem')],
      ['-verify_other', folder.path('issuing.pem')],
      ['-url', `${running.connector.deviceUrl}/ocsp`],
      ...words,
    ])
    return `${end.stdout.toString()}${end.stderr}`
  }

  /** The request as openssl writes it. */
  function makeRequest(...words: readonly string[]): Buffer {
    const file = folder.path('request.der')
    folder.run(
      'ocsp',
      '-issuer',
      folder.path('issuing.pem'),
      '-cert',
      leaf,
      '-reqout',
      file,
      ...words,
    )
    return readFileSync(file)
  }

  test('good with a nonce and without, by every digest', async () => {
    for (const words of [['-nonce'], ['-no_nonce'], ['-sha256'], ['-sha384'], ['-sha512']]) {
      const text = await ask(...words, '-cert', leaf)
      assert.match(text, /Response verify OK/, words.join())
      assert.match(text, /leaf\.pem: good/, words.join())
      assert.doesNotMatch(text, /WARNING/, words.join())
    }
  })

  test('a serial that was never issued is unknown; another issuer is unauthorized', async () => {
    assert.match(await ask('-serial', '0x4F00FF'), /4F00FF: unknown/)
    const foreign = await ask('-issuer', folder.path('root.pem'), '-serial', '1')
    assert.match(foreign, /unauthorized \(6\)/)
  })

  test('GET answers like POST, with the headers of RFC 5019, also with slash and plus unescaped', async () => {
    const request = makeRequest('-no_nonce')
    const base = `${running.connector.deviceUrl}/ocsp`
    const post = await fetch(base, { method: 'POST', body: new Uint8Array(request) })
    assert.equal(post.headers.get('content-type'), 'application/ocsp-response')
    const text = request.toString('base64')
    for (const path of [text, `/${text}`, encodeURIComponent(text)]) {
      const answer = await fetch(`${base}/${path}`)
      assert.equal(answer.status, 200)
      assert.equal(answer.headers.get('content-type'), 'application/ocsp-response')
      assert.match(
        answer.headers.get('cache-control') ?? '',
        /^max-age=\d+, public, no-transform, must-revalidate$/,
      )
      for (const name of ['etag', 'expires', 'last-modified'])
        assert.notEqual(answer.headers.get(name), null, name)
      folder.put('answer.der', Buffer.from(await answer.arrayBuffer()))
      const printed = folder.run(
        'ocsp',
        '-respin',
        folder.path('answer.der'),
        '-noverify',
        '-resp_text',
      )
      assert.match(printed, /Cert Status: good/)
    }
  })

  test('nonsense is malformedRequest with HTTP 200; what is too large is 413', async () => {
    const base = `${running.connector.deviceUrl}/ocsp`
    for (const answer of [
      await fetch(base, { method: 'POST', body: 'hello' }),
      await fetch(`${base}/!!!`),
      await fetch(base),
    ]) {
      assert.equal(answer.status, 200)
      assert.equal(Buffer.from(await answer.arrayBuffer()).toString('hex'), '30030a0101')
    }
    const large = await fetch(base, { method: 'POST', body: Buffer.alloc(9000) })
    assert.equal(large.status, 413)
  })

  test('certificates name the responder', () => {
    const printed = folder.run('x509', '-in', leaf, '-noout', '-ocsp_uri')
    assert.match(printed, /\/ocsp$/m)
  })

  async function revoke(...words: readonly string[]): Promise<void> {
    const { dataDir } = running
    const end = await runCommand(['--data-dir', dataDir, 'revoke', sha1Hex, ...words], {
      cwd: dataDir,
    })
    assert.equal(end.code, 0, end.err)
  }

  test('on hold: revoked, with that reason; released: good again', async () => {
    await revoke('--reason', 'certificateHold')
    const held = await ask('-cert', leaf)
    assert.match(held, /leaf\.pem: revoked/)
    assert.match(held, /Reason: certificateHold/)
    await revoke('--release')
    assert.match(await ask('-cert', leaf), /leaf\.pem: good/)
  })

  test('after certconnector revoke: revoked, with the reason', async () => {
    await revoke('--reason', 'keyCompromise')
    const text = await ask('-cert', leaf)
    assert.match(text, /leaf\.pem: revoked/)
    assert.match(text, /Reason: keyCompromise/)
  })
})
