import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { Configuration } from '../../src/config/index.ts'
import { OID, parseSignedData, parseText, readSignerInfo } from '../../src/pki/index.ts'
import { HRESULT } from '../../src/scep/index.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'
import {
  commonName,
  createRsaKeys,
  type EnvelopeShape,
  encodeTestRequest,
  extension,
  integer,
  issueTestCertificate,
  type MessageShape,
  name,
  octetString,
  oid,
  printable,
  type SigningRequestShape,
  sealEnvelope,
  sealMessage,
  sequence,
} from '../support/scep-messages/index.ts'
import { exchange } from '../unit/http/raw-http.ts'

/** Chapter 17 of the specification: what is sent, and all that comes back. */
const keys = createRsaKeys()
const weakKeys = createRsaKeys(1024)
const signer = {
  certificateDer: issueTestCertificate({
    subject: commonName('signer'),
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
  }),
  privateKey: keys.privateKey,
}

/** Verdicts of Intune (REQ-187), and one that nobody knows yet. */
const intuneCodes = [
  'ChallengeExpired',
  'ChallengeDecryptionError',
  'SubjectNameMismatch',
  'SubjectAltNameMismatch',
  'KeyUsageMismatch',
  'KeyLengthMismatch',
  'EnhancedKeyUsageMismatch',
  'ScepProfileNoLongerTargetedToTheClient',
  'CodeOfTomorrow',
] as const

interface Parts {
  readonly csr?: Partial<SigningRequestShape>
  readonly envelope?: Partial<EnvelopeShape>
  readonly message?: Partial<MessageShape>
}

function adapt(configuration: Configuration): Configuration {
  const { intune, profiles, ...same } = configuration
  assert.ok(intune !== undefined)
  const timeouts = { connectMs: 500, readMs: 500, budgetMs: 1000 }
  return {
    ...same,
    // One thread with one place: so that a few requests at once are too many.
    workers: { ...configuration.workers, count: 1, queuePerWorker: 1 },
    intune: { ...intune, timeouts },
    profiles: profiles.flatMap((profile) => [
      {
        ...profile,
        scep: { ...profile.scep, allowMd5: false, allowDes: false, maxSigningTimeSkewSeconds: 60 },
      },
      ...(profile.name === 'default'
        ? [{ ...profile, name: 'impatient', outageReply: 'fail' as const }]
        : []),
    ]),
  }
}

suite('REQ-187: the error mapping (specification, chapter 17), over HTTP', () => {
  let running: TestConnector
  let raDer: Uint8Array
  let sent = 0
  before(async () => {
    running = await startTestConnector(adapt)
    const answer = await fetch(`${running.scepUrl('static')}?operation=GetCACert`)
    raDer =
      parseSignedData(new Uint8Array(await answer.arrayBuffer())).certificates[0]?.der ??
      new Uint8Array()
  })
  after(async () => await running.remove())

  /** A message that is right but for `parts`. */
  function messageOf({ csr, envelope, message }: Parts = {}): Uint8Array {
    sent += 1
    const content = encodeTestRequest({
      keys,
      challenge: printable('secret'),
      extensions: [],
      subject: commonName(`device ${sent}`),
      ...csr,
    })
    return sealMessage({
      content: sealEnvelope({ content, recipients: [{ certificateDer: raDer }], ...envelope }),
      signer,
      transactionId: printable(`mapping-${sent}`),
      senderNonce: octetString(new Uint8Array(16)),
      signingTime: new Date(),
      ...message,
    })
  }

  async function post(body: Uint8Array, profile = 'static'): Promise<Response> {
    const url = `${running.scepUrl(profile)}?operation=PKIOperation`
    return await fetch(url, { method: 'POST', body: Buffer.from(body) })
  }

  /** pkiStatus, failInfo, Microsoft's error and the text of a CertRep. */
  async function readReply(answer: Response) {
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-type'), 'application/x-pki-message')
    const [info] = parseSignedData(new Uint8Array(await answer.arrayBuffer())).signerInfos
    assert.ok(info !== undefined)
    const { attributes } = readSignerInfo(info)
    const read = (type: string) => {
      const value = attributes.find((attribute) => attribute.oid === type)?.values[0]
      return value === undefined ? undefined : parseText(value, type)
    }
    return {
      status: read(OID.pkiStatus),
      failInfo: read(OID.failInfo),
      error: read(OID.microsoftScepError),
      text: read(OID.failInfoText) ?? '',
    }
  }

  const [badAlg, badMessageCheck, badRequest, badTime, badCertId] = ['0', '1', '2', '3', '4']
  const stranger = issueTestCertificate({
    subject: commonName('another RA'),
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
  })
  const flipped = (encrypted: Buffer): Uint8Array =>
    Buffer.concat([encrypted.subarray(0, -1), Buffer.of((encrypted.at(-1) ?? 0) ^ 1)])

  // From the decryption on everything that fails is one and the same answer (REQ-100): also a CSR that is malformed or
  // not signed by its key, which chapter 17 alone would tell apart.
  const rows: readonly (readonly [string, Parts, string | undefined, number])[] = [
    ['a digest that is not allowed', { message: { digest: 'md5' } }, badAlg, HRESULT.NTE_BAD_ALGID],
    [
      'a cipher that is not allowed',
      { envelope: { cipher: 'des-cbc' } },
      badAlg,
      HRESULT.NTE_BAD_ALGID,
    ],
    ['a cipher that is not known', { envelope: { cipher: 'rc2' } }, badAlg, HRESULT.NTE_BAD_ALGID],
    [
      'an outer signature that does not hold',
      { message: { tamperSignature: true } },
      badMessageCheck,
      HRESULT.NTE_BAD_SIGNATURE,
    ],
    [
      'a digest that is another',
      { message: { tamperDigest: true } },
      badMessageCheck,
      HRESULT.NTE_BAD_SIGNATURE,
    ],
    [
      'a CSR that another key signed',
      { csr: { signingKey: createRsaKeys().privateKey } },
      badMessageCheck,
      HRESULT.NTE_BAD_DATA,
    ],
    [
      'content that does not decrypt',
      { envelope: { tamper: flipped } },
      badMessageCheck,
      HRESULT.NTE_BAD_DATA,
    ],
    [
      'a recipient that is another',
      { envelope: { recipients: [{ certificateDer: stranger }] } },
      badMessageCheck,
      HRESULT.NTE_BAD_DATA,
    ],
    [
      'a malformed CSR',
      { envelope: { content: sequence(integer(0)) } },
      badMessageCheck,
      HRESULT.NTE_BAD_DATA,
    ],
    [
      'an unknown messageType',
      { message: { messageType: printable('99') } },
      badRequest,
      HRESULT.E_INVALIDARG,
    ],
    ['no messageType', { message: { messageType: null } }, badRequest, HRESULT.E_INVALIDARG],
    ['no content', { message: { content: null } }, badRequest, HRESULT.E_INVALIDARG],
    [
      'a key that is too short',
      { csr: { keys: weakKeys } },
      badRequest,
      HRESULT.CERTSRV_E_KEY_LENGTH,
    ],
    [
      'an empty subject',
      { csr: { subject: name() } },
      badRequest,
      HRESULT.CERTSRV_E_BAD_REQUESTSUBJECT,
    ],
    [
      'a usage that the profile does not allow',
      { csr: { extensions: [extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.3')))] } },
      badRequest,
      HRESULT.CERTSRV_E_TEMPLATE_DENIED,
    ],
    [
      'a challenge that is another',
      { csr: { challenge: printable('guess') } },
      badRequest,
      HRESULT.E_ACCESSDENIED,
    ],
    [
      'a signingTime beyond the limit',
      { message: { signingTime: new Date('2020-01-01T00:00:00Z') } },
      badTime,
      HRESULT.E_INVALIDARG,
    ],
    [
      'a certificate that is unknown',
      {
        envelope: { content: sequence(commonName('another CA'), integer(7)) },
        message: { messageType: printable('21') },
      },
      badCertId,
      HRESULT.E_INVALIDARG,
    ],
  ]
  for (const [title, parts, failInfo, hResult] of rows) {
    test(`REQ-162: ${title}: 200, FAILURE ${failInfo}, ${hResult}`, async () => {
      const reply = await readReply(await post(messageOf(parts)))
      assert.deepEqual(
        [reply.status, reply.failInfo, reply.error],
        ['2', failInfo, String(hResult)],
        reply.text,
      )
      assert.ok(reply.text.length > 0 && reply.text.length <= 255)
    })
  }

  test('REQ-162: no challenge: 200, FAILURE 2, E_ACCESSDENIED; and nothing wrong: SUCCESS', async () => {
    const content = encodeTestRequest({ keys, extensions: [], subject: commonName('without') })
    const refused = await readReply(await post(messageOf({ envelope: { content } })))
    assert.deepEqual(
      [refused.status, refused.failInfo, refused.error],
      ['2', badRequest, String(HRESULT.E_ACCESSDENIED)],
    )
    assert.equal((await readReply(await post(messageOf()))).status, '0')
  })

  for (const code of intuneCodes) {
    test(`REQ-187: Intune says ${code}: 200, FAILURE 2, E_ACCESSDENIED, with the name`, async () => {
      await running.control('POST', '/control/verdicts', { code })
      const reply = await readReply(await post(messageOf(), 'default'))
      assert.deepEqual(
        [reply.status, reply.failInfo, reply.error],
        ['2', badRequest, String(HRESULT.E_ACCESSDENIED)],
      )
      assert.match(reply.text, new RegExp(`\\b${code}\\b`))
    })
  }

  test('REQ-150: an outage of Intune: 200, PENDING; FAILURE 2 where the profile does not wait', async () => {
    await running.control('POST', '/control/faults', { hop: 'validate', fault: '503' })
    const pending = await readReply(await post(messageOf(), 'default'))
    assert.deepEqual([pending.status, pending.failInfo, pending.error], ['3', undefined, undefined])
    const failed = await readReply(await post(messageOf(), 'impatient'))
    assert.deepEqual(
      [failed.status, failed.failInfo, failed.error],
      ['2', badRequest, String(HRESULT.E_INVALIDARG)],
    )
    await running.control('DELETE', '/control/faults')
  })

  test('REQ-190: more at once than there is room for: 503 with Retry-After, and never FAILURE', async () => {
    const messages = Array.from({ length: 40 }, () => messageOf())
    const answers = await Promise.all(messages.map(async (message) => await post(message)))
    const busy = answers.filter(({ status }) => status === 503)
    assert.ok(busy.length > 0)
    for (const answer of busy) {
      assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
      assert.match(answer.headers.get('content-type') ?? '', /^text\/plain/)
    }
    for (const answer of answers.filter((one) => one.status !== 503))
      assert.equal((await readReply(answer)).status, '0')
  })

  for (const [title, send, status] of [
    ['no ASN.1', async () => await post(Buffer.from('hello')), 400],
    ['no SignedData', async () => await post(sequence(integer(1))), 400],
    [
      'no transactionID',
      async () => await post(messageOf({ message: { transactionId: null } })),
      400,
    ],
    ['no signer', async () => await post(messageOf({ message: { signatures: 0 } })), 400],
    [
      'no base64',
      async () => await fetch(`${running.scepUrl('static')}?operation=PKIOperation&message=*`),
      400,
    ],
    ['a body that is too large', async () => await post(new Uint8Array(300_000).fill(0x30)), 413],
    ['a profile that does not exist', async () => await post(messageOf(), 'nowhere'), 404],
    [
      'a request line that is too long',
      async () =>
        await exchange(
          Number(new URL(running.connector.deviceUrl).port),
          `GET /scep/static?operation=PKIOperation&message=${'A'.repeat(140_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
        ),
      431,
    ],
  ] as const) {
    test(`REQ-64: ${title}: HTTP ${status}, and no CertRep`, async () => {
      const answer = await send()
      assert.equal(answer.status, status)
      const type =
        answer.headers instanceof Headers
          ? answer.headers.get('content-type')
          : answer.headers['content-type']
      assert.match(type ?? '', /^text\/plain/)
    })
  }
})
