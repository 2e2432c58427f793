import assert from 'node:assert/strict'
import {
  element,
  extension,
  keyIdentifierOf,
  name,
  octetString,
  printable,
  sequence,
  utf8,
  windowsAttributes,
} from '../../support/scep-messages/index.ts'
import {
  buildMessage,
  checkReply,
  deviceKeys,
  keyDigest,
  readCapabilities,
  readChain,
  send,
} from './replayed-request.ts'
import { replay } from './replayed-story.ts'

const agent = [
  'Host: scep.example.org',
  'User-Agent: Mozilla/4.0 (compatible; Win32; NDES client 10.0.26100.2/WINDOWS)',
  'Connection: Keep-Alive',
  'Cache-Control: no-cache',
]
const path = '/certsrv/mscep/mscep.dll/pkiclient.exe'

/** SCEP CSP of Windows 10 and 11, enrolled by Intune. */
export const windowsStory = replay(
  'Windows 10/11',
  'REQ-3, REQ-38, REQ-43, REQ-80, REQ-83: appends /pkiclient.exe, is content with the RA, and enrols with a critical authorityKeyIdentifier and a challenge of Intune',
  async ({ running, port }) => {
    const ask = async (query: string) =>
      await send(port, { head: [`GET ${path}?${query} HTTP/1.1`, ...agent] })
    const capabilities = readCapabilities(await ask('operation=GetCACaps&message=default'))
    assert.ok(capabilities.includes('POSTPKIOperation'))
    const chain = readChain(await ask('operation=GetCACert&message=default'))
    // Without these usages Windows never sends its request.
    assert.deepEqual(chain.ra.keyUsage?.toSorted(), ['1.3.6.1.4.1.311.20.2.1', '1.3.6.1.5.5.7.3.1'])
    assert.ok(chain.root.verify(chain.root.publicKey), 'the root of the trusted profile is there')
    const { publicKey } = deviceKeys()
    const message = buildMessage(chain, {
      challenge: printable(await running.challenge()),
      subject: name(['2.5.4.3', utf8('3f8a1c2e-windows')], ['2.5.4.10', utf8('Contoso')]),
      transactionId: keyDigest('sha1').toUpperCase(),
      csr: { attributes: windowsAttributes() },
      signer: {
        subject: name(['2.5.4.3', printable('SCEP Protocol Certificate')]),
        hash: 'sha1',
        extensions: [
          extension('2.5.29.35', sequence(element(0x80, keyIdentifierOf(publicKey))), true),
          extension('2.5.29.14', octetString(keyIdentifierOf(publicKey))),
        ],
      },
    })
    const reply = await send(port, {
      head: [
        `POST ${path}?operation=PKIOperation HTTP/1.1`,
        ...agent,
        'Content-Type: application/x-pki-message',
      ],
      body: message.messageDer,
    })
    checkReply(reply, chain, message)
    const told = await running.waitForEvents(
      { transactionId: message.transactionId, channel: 'operational' },
      (found) => found.some(({ eventId }) => eventId === 4008),
    )
    assert.ok(told.some(({ eventId }) => eventId === 4006))
    return 'POST, sha256, rsaEncryption, aes-128-cbc, self-signed with SHA-1'
  },
)
