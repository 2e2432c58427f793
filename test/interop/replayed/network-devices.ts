import assert from 'node:assert/strict'
import { commonName, name, printable } from '../../support/scep-messages/index.ts'
import {
  buildMessage,
  checkReply,
  keyDigest,
  type ReadyMessage,
  readCapabilities,
  readChain,
  send,
} from './replayed-request.ts'
import { replay } from './replayed-story.ts'

const secret = printable('secret')

/** Base64 with an escaped line end after each 64 characters. */
function withEscapedLines({ messageDer }: ReadyMessage): string {
  const lines =
    Buffer.from(messageDer)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return lines.map((line) => `${encodeURIComponent(line)}%0A`).join('')
}

export const embeddedStories = [
  replay(
    'Cisco IOS',
    'REQ-13, REQ-56, REQ-76, REQ-101, REQ-164, REQ-165, REQ-166: enrols by HTTP/1.0 without Host, with %0A in its base64, MD5 and DES, where the profile allows both',
    async ({ port }) => {
      // The router appends /pkiclient.exe to the enrollment URL.
      const path = '/scep/legacy/pkiclient.exe'
      const agent = 'User-Agent: Mozilla/4.0 (compatible; MSIE 5.0; Cisco PKI)'
      const ask = async (query: string) =>
        await send(port, { head: [`GET ${path}?${query} HTTP/1.0`, agent] })
      const chain = readChain(await ask('operation=GetCACert&message=TRUSTPOINT-1'))
      readCapabilities(await ask('operation=GetCACaps&message=TRUSTPOINT-1'))
      const message = buildMessage(chain, {
        challenge: secret,
        subject: name(
          ['1.2.840.113549.1.9.2', printable('router-1.contoso.example')],
          ['2.5.4.5', printable('FTX1234A5BC')],
        ),
        transactionId: keyDigest('md5').toUpperCase(),
        // The ASA's signer has another name than its request.
        signer: { subject: commonName('router-1'), hash: 'md5' },
        envelope: { cipher: 'des-cbc' },
        message: { digest: 'md5' },
      })
      const target = `operation=PKIOperation&message=${withEscapedLines(message)}`
      const reply = checkReply(await ask(target), chain, message)
      assert.equal(reply.digest, 'md5')
      assert.equal(reply.cipher, 'des-cbc')
      return 'GET, md5, rsaEncryption, des-cbc, HTTP/1.0 without Host'
    },
  ),
  replay(
    'Juniper SRX',
    'REQ-99, REQ-101, REQ-174: enrols with SHA-1 and Triple DES and finds nothing but its certificate in the reply',
    async ({ port }) => {
      const path = '/cgi-bin/pkiclient.exe'
      const ask = async (query: string) =>
        await send(port, { head: [`GET /scep/static${path}?${query} HTTP/1.0`, 'Host: scep'] })
      const chain = readChain(await ask('operation=GetCACert&message=ca-profile'))
      readCapabilities(await ask('operation=GetCACaps&message=ca-profile'))
      const message = buildMessage(chain, {
        challenge: secret,
        subject: name(['2.5.4.3', printable('srx-1')], ['2.5.4.10', printable('Contoso')]),
        transactionId: `${keyDigest('md5')}-srx`,
        envelope: { cipher: 'des-ede3-cbc' },
        message: { digest: 'sha1', signingTime: null },
      })
      const text = encodeURIComponent(Buffer.from(message.messageDer).toString('base64'))
      const reply = checkReply(await ask(`operation=PKIOperation&message=${text}`), chain, message)
      assert.equal(reply.digest, 'sha1')
      assert.equal(reply.cipher, 'des-ede3-cbc')
      return 'GET, sha1, rsaEncryption, des-ede3-cbc'
    },
  ),
  replay(
    'MikroTik RouterOS',
    'REQ-1, REQ-4, REQ-167: enrols at a path of mixed case and is given a nonce of the server',
    async ({ port }) => {
      const ask = async (query: string) =>
        await send(port, { head: [`GET /SCEP/static/?${query} HTTP/1.1`, 'Host: 192.0.2.1'] })
      const chain = readChain(await ask('operation=getcacert'))
      readCapabilities(await ask('operation=getcacaps'))
      const message = buildMessage(chain, {
        challenge: secret,
        subject: name(['2.5.4.3', printable('mikrotik')]),
        transactionId: `${keyDigest('sha1')}-mikrotik`,
        message: { signature: 'withHash' },
      })
      const text = encodeURIComponent(Buffer.from(message.messageDer).toString('base64'))
      const reply = checkReply(await ask(`operation=PKIOperation&message=${text}`), chain, message)
      assert.equal(reply.attributes.senderNonce?.length, 16)
      return 'GET, sha256, sha256WithRSAEncryption, aes-128-cbc'
    },
  ),
]
