import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Secret } from '../../src/kernel/index.ts'
import { OID, parseSignedData, parseText, readSignerInfo } from '../../src/pki/index.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'
import {
  commonName,
  createOpensslFolder,
  createRsaKeys,
  encodeTestRequest,
  issueTestCertificate,
  octetString,
  opensslIsMissing,
  printable,
  sealMessage,
} from '../support/scep-messages/index.ts'

const password = 'MARKED shared challenge'

describe('a device encrypts by the static challenge', { skip: opensslIsMissing() }, () => {
  const folder = createOpensslFolder()
  const keys = createRsaKeys()
  const signer = {
    privateKey: keys.privateKey,
    certificateDer: issueTestCertificate({
      subject: commonName('signer'),
      publicKey: keys.publicKey,
      signingKey: keys.privateKey,
    }),
  }
  let running: TestConnector
  before(async () => {
    running = await startTestConnector((configuration) => ({
      ...configuration,
      listeners: {
        ...configuration.listeners,
        device: { ...configuration.listeners.device, failedChallengesPerMinute: 2 },
      },
      profiles: configuration.profiles.map((profile) =>
        profile.name === 'static'
          ? { ...profile, challenge: { kind: 'static' as const, secret: new Secret(password) } }
          : profile,
      ),
    }))
  })
  after(async () => {
    folder.close()
    await running.remove()
  })

  async function send(word: string, name: string) {
    folder.put(
      'csr.der',
      encodeTestRequest({ keys, challenge: printable(password), extensions: [] }),
    )
    folder.run(
      'cms',
      '-encrypt',
      '-binary',
      '-aes256',
      '-pwri_password',
      word,
      '-outform',
      'DER',
      '-in',
      folder.path('csr.der'),
      '-out',
      folder.path('envelope.der'),
    )
    const message = sealMessage({
      signer,
      content: folder.get('envelope.der'),
      transactionId: printable(name),
      senderNonce: octetString(new Uint8Array(16)),
    })
    const url = `${running.scepUrl('static')}?operation=PKIOperation`
    const answer = await fetch(url, { method: 'POST', body: Buffer.from(message) })
    if (answer.status !== 200) return { http: answer.status, status: undefined, content: undefined }
    const signed = parseSignedData(new Uint8Array(await answer.arrayBuffer()))
    const [info] = signed.signerInfos
    assert.ok(info !== undefined)
    const status = readSignerInfo(info).attributes.find(({ oid }) => oid === OID.pkiStatus)
      ?.values[0]
    return { http: 200, status: status && parseText(status, 'pkiStatus') }
  }

  test('REQ-105: it gets its certificate; guesses are refused, count as wrong challenges, and the word stays secret', async () => {
    assert.equal((await send(password, 'right')).status, '0')
    assert.equal((await send('a guess', 'guess 1')).status, '2')
    assert.equal((await send('another guess', 'guess 2')).status, '2')
    const answers = [await send('a third guess', 'guess 3'), await send(password, 'right again')]
    assert.equal(answers.at(-1)?.http, 503)
    const told = JSON.stringify(await running.events())
    assert.ok(told.includes('guess 1') && !told.includes('MARKED'))
  })
})
