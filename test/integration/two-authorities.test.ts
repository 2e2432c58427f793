import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, suite, test } from 'node:test'
import {
  encodeContentCipher,
  encodeEnvelopedData,
  encodePasswordRecipient,
  encryptContent,
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
  issueTestCertificate,
  octetString,
  printable,
  sealMessage,
  sequence,
} from '../support/scep-messages/index.ts'

/** That of the demonstration. */
const sharedChallenge = 'secret'

suite('a profile of the second of two CAs', () => {
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
    running = await startTestConnector(({ ca, profiles, ...same }) => {
      const [first] = ca
      assert.ok(first !== undefined)
      const keyTypes = { rootKey: 'p256', issuingKey: 'p256' } as const
      return {
        ...same,
        ca: [first, { ...first, ...keyTypes, id: 'second', name: 'Second CA' }],
        profiles: profiles.map((profile) =>
          profile.name === 'static' ? { ...profile, ca: 'second' } : profile,
        ),
      }
    })
  })
  after(async () => await running.remove())

  /** Status of the reply, and the issuer of who signed it. */
  async function send(content: Uint8Array, transactionId: string) {
    const message = sealMessage({
      signer,
      content,
      transactionId: printable(transactionId),
      senderNonce: octetString(new Uint8Array(16)),
    })
    const url = `${running.scepUrl('static')}?operation=PKIOperation`
    const answer = await fetch(url, { method: 'POST', body: Buffer.from(message) })
    assert.equal(answer.status, 200)
    const { certificates, signerInfos } = parseSignedData(
      new Uint8Array(await answer.arrayBuffer()),
    )
    const [info] = signerInfos
    const [certificate] = certificates
    assert.ok(info !== undefined && certificate !== undefined)
    const status = readSignerInfo(info).attributes.find(({ oid }) => oid === OID.pkiStatus)
      ?.values[0]
    return {
      status: status && parseText(status, 'pkiStatus'),
      signedUnder: parseCertificate(certificate.der).issuer,
    }
  }

  function encryptByPassword(content: Uint8Array): Uint8Array {
    const [contentKey, iv] = [randomBytes(16), randomBytes(16)]
    return encodeEnvelopedData({
      recipientDer: encodePasswordRecipient(contentKey, sharedChallenge, randomBytes),
      version: 3,
      cipherAlgorithmDer: encodeContentCipher('aes-128-cbc', iv),
      encryptedContent: encryptContent('aes-128-cbc', contentKey, iv, content),
    })
  }

  test('REQ-105, REQ-163: answers by its own RA, also where no RA certificate was named in the request', async () => {
    const challenge = printable(sharedChallenge)
    const csrDer = encodeTestRequest({ keys, challenge, extensions: [] })
    const signedUnder = 'CN=Second CA'
    assert.deepEqual(await send(encryptByPassword(csrDer), 'by password'), {
      status: '0',
      signedUnder,
    })
    assert.deepEqual(await send(sequence(), 'no envelope'), { status: '2', signedUnder })
  })
})
