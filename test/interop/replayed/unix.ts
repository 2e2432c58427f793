import assert from 'node:assert/strict'
import { element, name, octetString, printable, utf8 } from '../../support/scep-messages/index.ts'
import {
  buildMessage,
  checkReply,
  keyDigest,
  readCapabilities,
  readChain,
  send,
} from './replayed-request.ts'
import { replay } from './replayed-story.ts'

const secret = printable('secret')
const DAY_MS = 86_400_000

function utc(time: number): Uint8Array {
  const digits = new Date(time).toISOString().replaceAll(/\D/g, '').slice(2, 14)
  return element(0x17, Buffer.from(`${digits}Z`, 'latin1'))
}

/** sscep's signer: a serial of 32 octets, no extensions, valid for six days. */
const sscepSigner = (subject: Uint8Array) => ({
  subject,
  serial: [...Buffer.from(keyDigest('md5').toUpperCase(), 'latin1')],
  notBefore: utc(Date.now() - 60_000),
  notAfter: utc(Date.now() + 6 * DAY_MS),
})

/** Line ends after 64 characters; every sign that is no letter or digit is escaped, the hyphen too. */
function escapeAll(base64: string): string {
  const lines = base64.match(/.{1,64}/g) ?? []
  return `${lines.join('\n')}\n`.replaceAll(
    /[^A-Za-z0-9]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
}

export const unixStories = [
  replay(
    'ChromeOS',
    'REQ-67, REQ-73: enrols with a PKCS #7 of version 1.5 whose attributes are signed in the order sent',
    async ({ port }) => {
      const ask = async (query: string) =>
        await send(port, {
          head: [`GET /scep/static?${query} HTTP/1.1`, 'Host: scep.example.org'],
        })
      readCapabilities(await ask('operation=GetCACaps'))
      const chain = readChain(await ask('operation=GetCACert'))
      const message = buildMessage(chain, {
        challenge: secret,
        subject: name(['2.5.4.3', utf8('chromebook-4')]),
        transactionId: `${keyDigest('sha1')}-chromeos`,
        message: { contentForm: 'bare', attributeOrder: 'reversed-signed-as-sent' },
      })
      const reply = await send(port, {
        head: [
          'POST /scep/static?operation=PKIOperation HTTP/1.1',
          'Host: scep.example.org',
          'Content-Type: application/x-pki-message',
        ],
        body: message.messageDer,
      })
      checkReply(reply, chain, message)
      return 'POST, sha256, rsaEncryption, aes-128-cbc, PKCS #7 1.5'
    },
  ),
  replay(
    'sscep',
    'REQ-1, REQ-12, REQ-20, REQ-23, REQ-80, REQ-81: enrols through a proxy, by absolute form, with a POST without Content-Type and a serial of 32 octets',
    async ({ port }) => {
      const base = 'http://scep.example.org/CertSrv/mscep/mscep.dll'
      const head = (method: string, query: string) => [
        `${method} ${base}?${query} HTTP/1.0`,
        'User-Agent: sscep/0.10.0 (Unix; OpenSSL 3.0)',
        'Host: scep.example.org',
      ]
      const path = base.replace('/CertSrv/mscep/mscep.dll', '/Scep/static')
      const at = (lines: readonly string[]) => lines.map((line) => line.replace(base, path))
      const ask = async (query: string) => await send(port, { head: at(head('GET', query)) })
      readCapabilities(await ask('operation=GetCACaps&message=CAIdentifier'))
      const chain = readChain(await ask('operation=GetCACert&message=CAIdentifier'))
      // The default profile too, under the path of NDES in another case.
      readChain(await send(port, { head: head('GET', 'operation=GetCACert&message=CAIdentifier') }))
      const subject = name(['2.5.4.6', printable('CH')], ['2.5.4.3', utf8('sscep-host')])
      const message = buildMessage(chain, {
        challenge: secret,
        subject,
        transactionId: keyDigest('md5').toUpperCase(),
        signer: sscepSigner(subject),
      })
      const reply = await send(port, {
        head: at(head('POST', 'operation=PKIOperation')),
        body: message.messageDer,
      })
      checkReply(reply, chain, message)
      return 'POST, sha256, rsaEncryption, aes-128-cbc, absolute form'
    },
  ),
  replay(
    'sscep, GET forced',
    'REQ-10, REQ-56: enrols by GET with %0A, %2B and %2D, and parameters of its -M behind the message',
    async ({ port }) => {
      const ask = async (query: string) =>
        await send(port, { head: [`GET /scep/static?${query} HTTP/1.0`, 'Host: scep'] })
      readCapabilities(await ask('operation=GetCACaps&message=CAIdentifier'))
      const chain = readChain(await ask('operation=GetCACert&message=CAIdentifier'))
      const subject = name(['2.5.4.3', utf8('sscep-get')])
      const message = buildMessage(chain, {
        challenge: secret,
        subject,
        transactionId: `${keyDigest('md5').toUpperCase()}0`,
        signer: sscepSigner(subject),
        envelope: { cipher: 'des-ede3-cbc' },
        message: { digest: 'sha512', senderNonce: octetString(Buffer.alloc(16, 5)) },
        nonce: Buffer.alloc(16, 5),
      })
      const text = escapeAll(Buffer.from(message.messageDer).toString('base64'))
      const target = `operation=PKIOperation&message=${text}&site%2Did=7&team=pki`
      const reply = checkReply(await ask(target), chain, message)
      assert.equal(reply.digest, 'sha512')
      assert.equal(reply.cipher, 'des-ede3-cbc')
      return 'GET, sha512, rsaEncryption, des-ede3-cbc'
    },
  ),
  replay(
    'strongSwan, GET',
    'REQ-11, REQ-14, REQ-56: enrols by GET of HTTP/1.1 without Host, at a URL that has a query already',
    async ({ port }) => {
      const base = '/scep/static?site=7'
      const ask = async (query: string) =>
        await send(port, { head: [`GET ${base}?${query} HTTP/1.1`, 'Accept: */*'] })
      readCapabilities(await ask('operation=GetCACaps'))
      const chain = readChain(await ask('operation=GetCACert'))
      const message = buildMessage(chain, {
        challenge: secret,
        subject: name(['2.5.4.6', printable('CH')], ['2.5.4.3', utf8('sun')]),
        transactionId: `${keyDigest('sha1').toUpperCase()}0`,
        message: { signature: 'withHash' },
      })
      const text = escapeAll(Buffer.from(message.messageDer).toString('base64'))
      checkReply(await ask(`operation=PKIOperation&message=${text}`), chain, message)
      return 'GET, sha256, sha256WithRSAEncryption, aes-128-cbc, HTTP/1.1 without Host'
    },
  ),
]
