import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, describe, test } from 'node:test'
import {
  OID,
  parseCertificate,
  parseSignedData,
  parseText,
  readSignerInfo,
} from '../../src/pki/index.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'
import {
  commonName,
  createRsaKeys,
  encodeTestRequest,
  extension,
  indefinite,
  integer,
  issueTestCertificate,
  octetString,
  printable,
  type SigningRequestShape,
  sealEnvelope,
  sealMessage,
  sequence,
  utf8,
} from '../support/scep-messages/index.ts'
import { exchange } from '../unit/http/raw-http.ts'

const keys = createRsaKeys()
const signer = {
  certificateDer: issueTestCertificate({
    subject: commonName('signer'),
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
  }),
  privateKey: keys.privateKey,
}

function dns(name: string): Uint8Array {
  return Buffer.concat([Buffer.of(0x82, name.length), Buffer.from(name, 'latin1')])
}

describe('hostile requests over HTTP', () => {
  let running: TestConnector
  let raDer: Uint8Array
  before(async () => {
    running = await startTestConnector((configuration) => ({
      ...configuration,
      listeners: {
        ...configuration.listeners,
        admin: { ...configuration.listeners.admin, hostNames: ['connector.inside.example'] },
      },
      ca: configuration.ca.map((settings) => ({ ...settings, includeRoot: false })),
      profiles: configuration.profiles.map((profile) => ({
        ...profile,
        singleCaCert: profile.name === 'legacy',
      })),
    }))
    const answer = await fetch(`${running.scepUrl('static')}?operation=GetCACert`)
    const { certificates } = parseSignedData(new Uint8Array(await answer.arrayBuffer()))
    assert.equal(certificates.length, 2, 'RA and issuing CA, without the root')
    raDer = certificates[0]?.der ?? new Uint8Array()
  })
  after(() => running.remove())

  function makeMessage(csr: Partial<SigningRequestShape>, transactionId = printable('4711')) {
    const content = encodeTestRequest({
      keys,
      challenge: printable('secret'),
      extensions: [],
      ...csr,
    })
    return sealMessage({
      content: sealEnvelope({ content, recipients: [{ certificateDer: raDer }] }),
      signer,
      transactionId,
      senderNonce: octetString(new Uint8Array(16)),
    })
  }

  /** pkiStatus of the answer, and failInfoText. */
  async function send(message: Uint8Array, profile = 'static') {
    const url = `${running.scepUrl(profile)}?operation=PKIOperation`
    const answer = await fetch(url, { method: 'POST', body: Buffer.from(message) })
    assert.equal(answer.status, 200)
    const [info] = parseSignedData(new Uint8Array(await answer.arrayBuffer())).signerInfos
    assert.ok(info)
    const { attributes } = readSignerInfo(info)
    const read = (oid: string) => {
      const value = attributes.find((attribute) => attribute.oid === oid)?.values[0]
      return value === undefined ? '' : parseText(value, oid)
    }
    return { status: read(OID.pkiStatus), text: read(OID.failInfoText) }
  }

  for (const [title, csr, reason] of [
    [
      'a NUL in a DNS name',
      { extensions: [extension('2.5.29.17', sequence(dns('good.example\0.evil.example')))] },
      /printable ASCII/,
    ],
    [
      'a subjectAltName in BER',
      { extensions: [extension('2.5.29.17', indefinite(0x30, dns('a.example')))] },
      /not in DER/,
    ],
    ['a NUL in the subject', { subject: commonName('admin\0.evil') }, /control character/],
    ['a subject of 100,000 octets', { subject: commonName('A'.repeat(100_000)) }, /allowed are/],
    ['a challenge of 150,000 octets', { challenge: printable('A'.repeat(150_000)) }, /challenge/],
  ] as const) {
    test(`${title} is refused`, async () => {
      const answer = await send(makeMessage(csr))
      assert.equal(answer.status, '2')
      assert.match(answer.text, reason)
    })
  }

  test('what one profile accepted is no ticket for another', async () => {
    const message = makeMessage({ subject: commonName('cross-profile') }, printable('cross'))
    assert.equal((await send(message)).status, '0')
    assert.equal((await send(message, 'default')).status, '2')
  })

  test('neither log nor status page nor status carries what turns or breaks a line', async () => {
    const subject = commonName('abc\u202egnp.exe')
    assert.equal((await send(makeMessage({ subject }, utf8('x\u001b[31m\n\u202e')))).status, '0')
    const records = JSON.stringify(await running.events())
    const status = await (await fetch(`${running.connector.adminUrl}/api/status`)).text()
    const page = await (await fetch(running.connector.adminUrl)).text()
    assert.match(page, /abc\\E2\\80\\AEgnp\.exe/)
    for (const text of [records, status, page]) {
      for (const mark of ['\u001b', '\u202e', String.raw`\u001b`, String.raw`\u202e`]) {
        assert.ok(!text.includes(mark))
      }
    }
  })

  test('REQ-182, REQ-185: a GetCRL that names the RA or the CA gets the CRL, another issuer badCertId', async () => {
    await running.waitForEvents({ id: 26 }, (found) => found.length > 0)
    const ra = parseCertificate(raDer)
    const ask = async (issuerDer: Uint8Array) =>
      await send(
        sealMessage({
          content: sealEnvelope({
            content: sequence(issuerDer, integer(1)),
            recipients: [{ certificateDer: raDer }],
          }),
          signer,
          messageType: printable('22'),
          transactionId: printable('SSCEP transactionId'),
          senderNonce: octetString(new Uint8Array(16)),
        }),
      )
    assert.equal((await ask(ra.subjectDer)).status, '0')
    assert.equal((await ask(ra.issuerDer)).status, '0')
    const stranger = await ask(commonName('another CA'))
    assert.equal(stranger.status, '2')
    assert.match(stranger.text, /no such certificate/)
  })

  test('a body that hides a second request is not taken for one', async () => {
    const port = Number(new URL(running.connector.deviceUrl).port)
    const hidden = 'GET /aia/default.cer HTTP/1.1\r\nHost: x\r\n\r\n'
    for (const head of [
      'Content-Length: 5\r\nTransfer-Encoding: chunked',
      'Content-Length: 5\r\nContent-Length: 6',
      'Transfer-Encoding: xchunked',
      'Content-Length : 5',
    ]) {
      const bytes = `POST /scep/static HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n0\r\n\r\n${hidden}`
      const answer = await exchange(port, bytes)
      assert.equal(answer.status, 400, head)
      assert.equal(answer.headers['connection'], 'close')
    }
  })

  test('a name that was bent to point here is told nothing; listed ones and addresses are', async () => {
    const statusFor = (host: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        request(`${running.connector.adminUrl}/api/status`, { headers: { host } }, (answer) => {
          answer.resume()
          resolve(answer.statusCode)
        })
          .on('error', reject)
          .end()
      })
    assert.equal(await statusFor('rebound.example'), 421)
    assert.equal(await statusFor('connector.inside.example:8081'), 200)
    assert.equal(await statusFor('127.0.0.1:8081'), 200)
  })

  test('REQ-45, REQ-195: singleCaCert answers the RA certificate alone, and the walk ends', async () => {
    const url = `${running.scepUrl('legacy')}?operation=GetCACert`
    const answer = await fetch(url)
    assert.equal(answer.headers.get('content-type'), 'application/x-x509-ca-cert')
    assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), new Uint8Array(raDer))
    assert.equal((await fetch(`${url}&message=1`)).status, 404)
  })
})
