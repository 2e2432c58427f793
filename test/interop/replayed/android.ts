import assert from 'node:assert/strict'
import { ber, name, nameValuePair, printable, utf8 } from '../../support/scep-messages/index.ts'
import {
  buildMessage,
  checkReply,
  keyDigest,
  readCapabilities,
  readChain,
  send,
} from './replayed-request.ts'
import { replay } from './replayed-story.ts'

const agent = [
  'User-Agent: Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/AP1A.240505.005)',
  'Host: scep.example.org',
  'Connection: Keep-Alive',
  'Accept-Encoding: gzip',
]
const path = '/certsrv/mscep/mscep.dll'

/** The Company Portal of Android, whose SCEP is jscep: the real library plays rows of its own. */
export const androidStory = replay(
  'Android (Intune)',
  'REQ-26, REQ-63, REQ-118, REQ-143, REQ-167: enrols with BER in chunks and an exchanged validity pair; sent twice, it gets one certificate and two nonces',
  async ({ running, port }) => {
    const ask = async (query: string) =>
      await send(port, { head: [`GET ${path}?${query} HTTP/1.1`, ...agent] })
    const capabilities = readCapabilities(await ask('operation=GetCACaps&message=ca'))
    assert.ok(['SHA-512', 'AES', 'POSTPKIOperation'].every((word) => capabilities.includes(word)))
    const chain = readChain(await ask('operation=GetCACert&message=ca'))
    // The library does not take a signingTime outside the validity of the RA certificate.
    assert.ok(new Date(chain.ra.validFrom) < new Date(Date.now() - 23 * 3_600_000))
    const subject = name(['2.5.4.3', utf8('android-9')], ['2.5.4.5', printable('R58M123')])
    const style = ber(1000)
    const message = buildMessage(chain, {
      challenge: printable(await running.challenge()),
      subject,
      transactionId: `${keyDigest('sha1')}-android`,
      csr: {
        attributes: [
          nameValuePair('ValidityPeriod', '14'),
          nameValuePair('ValidityPeriodUnits', 'Days'),
        ],
      },
      signer: { subject },
      envelope: { style },
      message: { style, digest: 'sha512', signature: 'withHash' },
    })
    const post = async () =>
      await send(port, {
        head: [
          `POST ${path}?operation=PKIOperation HTTP/1.1`,
          ...agent,
          'Content-Type: application/octet-stream',
        ],
        body: message.messageDer,
      })
    const first = checkReply(await post(), chain, message)
    const again = checkReply(await post(), chain, message)
    assert.deepEqual(again.certificate.raw, first.certificate.raw)
    assert.notDeepEqual(again.attributes.senderNonce, first.attributes.senderNonce)
    const days = (new Date(first.certificate.validTo).getTime() - Date.now()) / 86_400_000
    assert.ok(days > 13 && days <= 14, `${days} days`)
    return 'POST, sha512, sha512WithRSAEncryption, aes-128-cbc, BER'
  },
)
