import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import {
  ber,
  createRsaKeys,
  element,
  extension,
  name,
  oid,
  printable,
  sequence,
  utf8,
} from '../../support/scep-messages/index.ts'
import {
  buildMessage,
  checkReply,
  deviceKeys,
  keyDigest,
  type ReadyMessage,
  readCapabilities,
  readChain,
  send,
} from './replayed-request.ts'
import { replay } from './replayed-story.ts'

const agent = [
  'Host: scep.example.org',
  'Accept: */*',
  'User-Agent: profiled/1.0 CFNetwork/1494.0.7 Darwin/23.4.0',
  'Accept-Language: en-GB,en;q=0.9',
  'Accept-Encoding: gzip, deflate',
  'Connection: keep-alive',
]

/** Base64 as iOS 11 and macOS leave it in an address: `+`, `/` and `=` stand as they are. */
function unescaped({ messageDer }: ReadyMessage): string {
  return Buffer.from(messageDer).toString('base64')
}

const ask = async (port: number, target: string) =>
  await send(port, { head: [`GET ${target} HTTP/1.1`, ...agent] })

/** The self-signed signer of an Apple MDM client. */
const appleSigner = {
  subject: name(['2.5.4.3', printable('MDM SCEP SIGNER')], ['2.5.4.6', printable('US')]),
  extensions: [
    extension('2.5.29.15', element(0x03, Buffer.of(7, 0x80)), true),
    extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.2')), true),
  ],
}

export const appleStories = [
  replay(
    'iOS (2016)',
    'REQ-30, REQ-54, REQ-90, REQ-174: reads GetCACert first and enrols by GET with unescaped base64, SHA-1, Triple DES and a nonce of 8 octets',
    async ({ port }) => {
      const path = '/scep/get-only'
      const chain = readChain(
        await ask(port, `${path}?operation=GetCACert&message=SCEP%20Authority`),
      )
      const capabilities = readCapabilities(
        await ask(port, `${path}?operation=GetCACaps&message=SCEP%20Authority`),
      )
      assert.ok(capabilities.includes('SHA-1') && capabilities.includes('DES3'))
      assert.ok(!capabilities.includes('POSTPKIOperation'))
      // Some base64 has neither of the two signs; the nonce may vary until it does.
      for (let attempt = 1; ; attempt += 1) {
        const message = buildMessage(chain, {
          challenge: printable('secret'),
          subject: name(['2.5.4.10', utf8('Contoso')], ['2.5.4.3', utf8('iPhone 2016')]),
          transactionId: keyDigest('sha1'),
          signer: appleSigner,
          envelope: { cipher: 'des-ede3-cbc' },
          message: { digest: 'sha1' },
          nonce: Buffer.alloc(8, attempt),
        })
        const text = unescaped(message)
        if (!/[+]/.test(text) || !/[/]/.test(text)) continue
        const reply = checkReply(
          await ask(port, `${path}?operation=PKIOperation&message=${text}`),
          chain,
          message,
        )
        assert.equal(reply.digest, 'sha1')
        assert.equal(reply.cipher, 'des-ede3-cbc')
        return 'GET, sha1, rsaEncryption, des-ede3-cbc, nonce of 8 octets'
      }
    },
  ),
  replay(
    'iOS with Intune, as NDES sees it',
    'REQ-32, REQ-59, REQ-65, REQ-169: enrols by GET with an address of more than 11,000 characters, BER of indefinite lengths, SHA-512 and Triple DES',
    async ({ running, port }) => {
      const path = '/scep/intune-ndes'
      const chain = readChain(await ask(port, `${path}?operation=GetCACert&message=`))
      assert.deepEqual(readCapabilities(await ask(port, `${path}?operation=GetCACaps&message=`)), [
        'Renewal',
        'SHA-512',
        'SHA-256',
        'SHA-1',
        'DES3',
      ])
      const style = ber(100_000)
      const names = Array.from({ length: 130 }, (_, index) => {
        const host = Buffer.from(`device-${index}.ios.contoso.example`, 'latin1')
        return Buffer.concat([Buffer.of(0x82, host.length), host])
      })
      const message = buildMessage(chain, {
        challenge: printable(await running.challenge()),
        subject: name(['2.5.4.3', utf8('iPhone by Intune')]),
        transactionId: `${keyDigest('sha1')}-intune`,
        signer: appleSigner,
        csr: { extensions: [extension('2.5.29.17', sequence(...names))] },
        envelope: { cipher: 'des-ede3-cbc', style },
        message: { digest: 'sha512', style },
      })
      const target = `${path}?operation=PKIOperation&message=${encodeURIComponent(unescaped(message))}`
      assert.ok(target.length > 11_000, `${target.length} characters`)
      const reply = checkReply(await ask(port, target), chain, message)
      assert.equal(reply.digest, 'sha512')
      assert.equal(reply.cipher, 'des-ede3-cbc')
      return `GET, sha512, rsaEncryption, des-ede3-cbc, BER`
    },
  ),
  replay(
    'macOS',
    'REQ-9, REQ-54, REQ-133: gives no CA identifier, and renews with a PKCSReq that the old certificate signs',
    async ({ port }) => {
      const path = '/scep/get-only'
      const chain = readChain(await ask(port, `${path}?operation=GetCACert&message=`))
      assert.ok(
        readCapabilities(await ask(port, `${path}?operation=GetCACaps&message=`)).includes(
          'Renewal',
        ),
      )
      const subject = name(['2.5.4.3', utf8('MacBook 12')])
      const common = { challenge: printable('secret'), subject }
      const first = buildMessage(chain, {
        ...common,
        transactionId: `${keyDigest('sha1')}-mac`,
        signer: appleSigner,
      })
      const target = (message: ReadyMessage) =>
        `${path}?operation=PKIOperation&message=${unescaped(message)}`
      const old = checkReply(await ask(port, target(first)), chain, first).certificate
      const renewal = buildMessage(chain, {
        ...common,
        transactionId: `${keyDigest('sha1')}-mac-renewal`,
        csr: { keys: createRsaKeys() },
        signedBy: { certificateDer: old.raw, privateKey: deviceKeys().privateKey },
      })
      const { certificate } = checkReply(await ask(port, target(renewal)), chain, renewal)
      assert.ok(!new X509Certificate(old.raw).publicKey.equals(certificate.publicKey))
      return 'GET, sha256, rsaEncryption, aes-128-cbc, signed with the old certificate'
    },
  ),
]
