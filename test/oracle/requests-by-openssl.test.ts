import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { after, test } from 'node:test'
import { openRequest, prepareRaKeyRing } from '../../src/scep/index.ts'
import {
  createMessage,
  createOpensslFolder,
  createShapeWorld,
  MADE_AT,
  opensslIsMissing,
  raMaterials,
  scepRules,
  sealMessage,
  toPem,
} from '../support/scep-messages/index.ts'

const skip = opensslIsMissing()
const world = createShapeWorld()
const ring = prepareRaKeyRing(raMaterials(world.authority))
const folder = createOpensslFolder()
after(() => folder.close())
const raPem = folder.put('ra.pem', toPem('CERTIFICATE', world.authority.ra.certificateDer))

if (skip === false) {
  const config = folder.put(
    'request.cnf',
    [
      '[req]',
      'prompt = no',
      'distinguished_name = name',
      'attributes = attributes',
      'req_extensions = extensions',
      '[name]',
      'CN = made by openssl',
      '[attributes]',
      'challengePassword = openssl challenge',
      '[extensions]',
      'subjectAltName = DNS:openssl.test',
      'extendedKeyUsage = clientAuth',
    ].join('\n'),
  )
  const out = [
    '-keyout',
    folder.path('key.pem'),
    '-nodes',
    '-newkey',
    'rsa:2048',
    '-config',
    config,
  ]
  folder.run('req', '-new', ...out, '-outform', 'DER', '-out', folder.path('csr.der'))
  folder.run(
    'req',
    '-x509',
    '-key',
    folder.path('key.pem'),
    '-config',
    config,
    '-days',
    '2',
    '-outform',
    'DER',
    '-out',
    folder.path('signer.der'),
  )
}

const envelopes: readonly (readonly [
  title: string,
  options: readonly string[],
  expected: object,
])[] = [
  ['AES-128', ['-aes-128-cbc'], { cipher: 'aes-128-cbc', keyTransport: 'pkcs1' }],
  ['AES-192', ['-aes-192-cbc'], { cipher: 'aes-192-cbc', keyTransport: 'pkcs1' }],
  ['AES-256', ['-aes-256-cbc'], { cipher: 'aes-256-cbc', keyTransport: 'pkcs1' }],
  ['Triple DES', ['-des3'], { cipher: 'des-ede3-cbc', keyTransport: 'pkcs1' }],
  [
    'a key identifier',
    ['-aes-128-cbc', '-keyid'],
    { cipher: 'aes-128-cbc', keyTransport: 'pkcs1' },
  ],
  ['BER streaming', ['-aes-128-cbc', '-stream'], { cipher: 'aes-128-cbc', keyTransport: 'pkcs1' }],
]
const oaep = (hash: string) => [
  '-aes-256-cbc',
  '-recip',
  raPem,
  '-keyopt',
  'rsa_padding_mode:oaep',
  '-keyopt',
  `rsa_oaep_md:${hash}`,
  '-keyopt',
  `rsa_mgf1_md:${hash}`,
]

for (const [title, options, expected] of envelopes) {
  test(`the codec opens an envelope and CSR of openssl: ${title}`, { skip }, () => {
    assertOpens([...options, raPem], expected)
  })
}
for (const hash of ['sha1', 'sha256', 'sha512']) {
  test(`the codec opens an envelope of openssl: OAEP with ${hash}`, { skip }, () => {
    assertOpens(oaep(hash), { cipher: 'aes-256-cbc', keyTransport: `oaep-${hash}` })
  })
}

test('openssl verifies the messages that these tests are made of', { skip }, () => {
  for (const digest of ['sha1', 'sha256', 'sha512'] as const) {
    const { messageDer, csrDer } = createMessage(world, { message: { digest } })
    const file = folder.put('message.der', messageDer)
    folder.run(
      'cms',
      '-verify',
      '-noverify',
      '-binary',
      '-inform',
      'DER',
      '-in',
      file,
      '-out',
      folder.path('envelope.der'),
    )
    const key = folder.put(
      'ra.key',
      world.authority.ra.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    )
    folder.run(
      'cms',
      '-decrypt',
      '-binary',
      '-inform',
      'DER',
      '-in',
      folder.path('envelope.der'),
      '-recip',
      raPem,
      '-inkey',
      key,
      '-out',
      folder.path('opened.der'),
    )
    assert.ok(folder.get('opened.der').equals(csrDer))
    folder.run('req', '-inform', 'DER', '-in', folder.path('opened.der'), '-verify', '-noout')
  }
})

function assertOpens(options: readonly string[], expected: object): void {
  const input = ['-binary', '-in', folder.path('csr.der'), '-outform', 'DER']
  folder.run('cms', '-encrypt', ...input, '-out', folder.path('sealed.der'), ...options)
  const privateKey = createPrivateKey(folder.get('key.pem'))
  const signer = { certificateDer: folder.get('signer.der'), privateKey }
  const messageDer = sealMessage({ content: folder.get('sealed.der'), signer })
  const outcome = openRequest(messageDer, ring, scepRules(), MADE_AT)
  if (outcome.kind !== 'opened')
    assert.fail(outcome.kind === 'refused' ? outcome.refusal.text : outcome.kind)
  const { csr, frame } = outcome.request
  assert.equal(csr.challengePassword, 'openssl challenge')
  assert.equal(csr.subject, 'CN=made by openssl')
  assert.ok(folder.get('csr.der').equals(csr.der))
  const { cipher, keyTransport } = frame
  assert.deepEqual({ cipher, keyTransport }, expected)
}
