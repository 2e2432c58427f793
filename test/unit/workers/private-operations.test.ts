import assert from 'node:assert/strict'
import crypto, { type KeyObject, randomBytes } from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { after, before, test } from 'node:test'
import {
  buildRequest,
  createDeviceKeys,
  createSigner,
  encodeSigningRequest,
} from '../../../src/cli/enrolment-client/index.ts'
import { Secret } from '../../../src/kernel/index.ts'
import { createCryptoJobs } from '../../../src/workers/jobs.ts'
import { encodeRules } from '../../../src/workers/rules-crossing.ts'
import {
  createTestAuthority,
  MADE_AT,
  raMaterials,
  scepRules,
} from '../../support/scep-messages/index.ts'

// The functions of node:crypto that use a private key; what the worker threads import are live bindings to them.
const watched = ['privateDecrypt', 'privateEncrypt', 'sign', 'createSign', 'diffieHellman'] as const
const originals = new Map(watched.map((name) => [name, crypto[name]]))
const counts = new Map<string, number>()

before(() => {
  for (const [name, original] of originals) {
    Object.assign(crypto, {
      [name]: (...given: unknown[]) => {
        counts.set(name, (counts.get(name) ?? 0) + 1)
        return Reflect.apply(original as (...all: unknown[]) => unknown, crypto, given)
      },
    })
  }
  syncBuiltinESMExports()
})
after(() => {
  for (const [name, original] of originals) Object.assign(crypto, { [name]: original })
  syncBuiltinESMExports()
})

test('REQ-192: an enrolment costs two private operations of the RA and one of the CA, a refusal none beyond', async () => {
  const authority = createTestAuthority()
  const rules = encodeRules(scepRules())
  const device = await createDeviceKeys({ key: 'rsa2048' })
  const signer = createSigner(device.privateKey, 'CN=device', MADE_AT)
  const exportKey = (key: KeyObject) => new Uint8Array(key.export({ type: 'pkcs8', format: 'der' }))
  const jobs = createCryptoJobs({
    ras: raMaterials(authority),
    issuers: [
      {
        caId: 'issuing',
        certificateDer: authority.issuing.certificateDer,
        keyPkcs8Der: exportKey(authority.issuing.privateKey),
        caIssuersUrl: undefined,
        crlUrl: undefined,
      },
    ],
  })
  const [ra] = raMaterials(authority)
  assert.ok(ra !== undefined)
  const messageDer = buildRequest({
    messageType: 'PKCSReq',
    csrDer: encodeSigningRequest({
      keys: device,
      subject: 'CN=device',
      challenge: new Secret('secret'),
      sans: [],
      ekus: [],
      keyUsage: [],
    }),
    recipientCertificateDer: ra.certificateDer,
    digest: 'sha256',
    cipher: 'aes-128-cbc',
    keyTransport: 'pkcs1',
    signingTime: undefined,
    transactionId: 'count',
    senderNonce: randomBytes(16),
    signer,
  })
  const now = new Date(MADE_AT.getTime() + 60_000)
  const counted = (): Record<string, number> => {
    const found = Object.fromEntries(counts)
    counts.clear()
    return found
  }

  counted()
  const opened = jobs.open({ messageDer, rules, now })
  assert.ok(opened.kind === 'opened')
  assert.deepEqual(counted(), { privateDecrypt: 1 })

  const certificateDer = jobs.issue({
    caId: 'issuing',
    order: {
      serialHex: '0A',
      subjectDer: opened.request.csr.subjectDer,
      spkiDer: opened.request.csr.spkiDer,
      notBefore: MADE_AT,
      notAfter: new Date(MADE_AT.getTime() + 86_400_000),
      extensions: [],
    },
  })
  assert.deepEqual(counted(), { sign: 1 })

  const { frame } = opened.request
  jobs.seal({ frame, reply: { status: 'SUCCESS', certificateDer, chainDer: [] }, rules, now })
  assert.deepEqual(counted(), { sign: 1 })

  // A message whose outer signature is broken does not get as far as the RA key (REQ-191).
  const broken = new Uint8Array(messageDer)
  broken.set([(broken.at(-1) ?? 0) ^ 1], broken.length - 1)
  assert.equal(jobs.open({ messageDer: broken, rules, now }).kind, 'refused')
  assert.deepEqual(counted(), {})
})
