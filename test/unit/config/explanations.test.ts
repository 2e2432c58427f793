import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type Configuration, explainProfile, findClientNotes } from '../../../src/config/index.ts'
import { expectOk, leastYaml, load } from './support.ts'

const files = { 'secrets/challenge': 'a'.repeat(32) }
const http = (yaml: string) => yaml.replace('https://', 'http://')

function configure(context: TestContext, more: string, rest = ''): Configuration {
  return expectOk(load(context, `${http(leastYaml)}\n${more}\n${rest}`, {}, files).outcome)
}

function explain(context: TestContext, more = ''): Record<string, string> {
  const configuration = configure(context, more)
  const profile = configuration.profiles.at(-1)
  assert.ok(profile !== undefined)
  return Object.fromEntries(
    explainProfile(profile, configuration).map(({ topic, text }) => [topic, text]),
  )
}

const staticProfile = (more = '') =>
  `  - name: static\n    challenge: { kind: static, secretFile: secrets/challenge }\n${more}`

describe('what a profile accepts, in sentences', () => {
  test('the default profile with Intune, word by word', (context) => {
    assert.deepEqual(explain(context), {
      address:
        'Devices reach it at http://scep.example.org/scep/default and, as they would NDES, at http://scep.example.org/certsrv/mscep/mscep.dll.',
      challenge:
        'Microsoft Intune judges each challenge together with the request. A request without an accepted challenge is refused.',
      messages:
        'Messages may be signed with SHA-1 or SHA-2 and encrypted with AES or 3DES. MD5 and DES are refused.',
      keys: 'Keys may be RSA of 2048 to 8192 bits or EC on P-256, P-384 or P-521. A request for a key that is not RSA must itself be signed with an RSA key, to which the reply is encrypted. Keys that are known to be weak or compromised are refused.',
      names:
        'A request without a subject is refused. Alternative names may be of the kinds dns, email, uri, ip and upn; a request with any other is refused.',
      sid: 'A security identifier (SID) is issued only as the URI that Intune puts among the alternative names.',
      usages:
        'Extended key usages may be clientAuth, emailProtection, ipsecEndSystem, ipsecTunnel, ipsecUser, ipsecIke and ikeIntermediate; a request that names none gets clientAuth. Key usages may be digitalSignature and keyEncipherment; a request that names none gets digitalSignature and keyEncipherment. What else is asked for is left out; a request that asks for nothing else is refused.',
      lifetime:
        'Certificates last 365 days, or less where the request or the end of the CA says so. They begin 10 minutes in the past.',
      renewal:
        'A renewal is signed by a certificate of this CA that is in force. It needs a challenge like any other request.',
      waiting:
        'What takes longer than 20 seconds is answered with PENDING, and the device asks again. So is an outage of Intune or the CA, for up to 15 minutes. At most 1000 requests may wait.',
      queries: 'GetCRL is answered. GetCert is answered to the holder of the key alone.',
      notification:
        'Intune is told of each certificate as soon as it listens; the device does not wait for that.',
      reply:
        'CA default signs. A success carries the certificate alone. The same request gets the same certificate for 24 hours.',
    })
  })

  for (const [topic, more, expected] of [
    [
      'challenge',
      '    manualApproval: true\n    approvalDays: 1',
      /waits up to 1 day for certconnector approve or deny\.$/,
    ],
    ['messages', '    scep: { allowDes: true }', /AES, 3DES or DES\. MD5 is refused\.$/],
    [
      'messages',
      '    scep: { maxSigningTimeSkewSeconds: 60, requireSameKey: true }',
      /signs the message\. A signing time more than 60 seconds off is refused\.$/,
    ],
    [
      'keys',
      '    certificate: { keyTypes: [rsa], minRsaBits: 3072 }',
      /^Keys may be RSA of 3072 to 8192 bits\. Keys that are known/,
    ],
    ['keys', '    certificate: { keyTypes: [rsa, ec, ed25519] }', /P-521 or Ed25519\. A request/],
    [
      'names',
      '    certificate: { allowEmptySubject: true, sanKinds: [] }',
      /^The subject may be empty .* A request with alternative names is refused\.$/,
    ],
    [
      'sid',
      '    certificate: { sid: reject }',
      /^A request with a security identifier \(SID\) is refused\.$/,
    ],
    [
      'usages',
      '    certificate: { allowedEkus: [1.2.3.4], defaultEkus: [] }',
      /^Extended key usages may be 1\.2\.3\.4; a request that names none gets none\./,
    ],
    [
      'usages',
      '    certificate: { allowedEkus: [], defaultEkus: [] }',
      /^Extended key usages are not issued\./,
    ],
    [
      'lifetime',
      '    certificate: { validityDays: 1, backdateMinutes: 0 }',
      /last 1 day, .* They begin at once\.$/,
    ],
    [
      'renewal',
      '    allowCertificateOnlyRenewal: true\n    renewalGraceDays: 14',
      /or that ended at most 14 days ago\. It needs no challenge in the last 60 days/,
    ],
    [
      'waiting',
      '    outageReply: fail',
      /During an outage of Intune or the CA requests fail at once\./,
    ],
    [
      'queries',
      '    queries: { getCrl: false, openCertQueries: true }',
      /^GetCRL is refused\. GetCert is answered to anybody/,
    ],
    ['notification', '', /^Nobody is told of its certificates\.$/],
    [
      'reply',
      '    scep: { replyChain: full }\n    replayWindowHours: 1',
      /certificate and the whole chain\. .* for 1 hour\.$/,
    ],
    [
      'template',
      '    templates: [{ names: [Web, Mail], purpose: signature, urlParams: { unit: lab }, certificate: { validityDays: 30 } }]',
      /^Requests that name Web or Mail, are for signing alone and have unit=lab in their URL follow rules of their own\. .* last 30 days/,
    ],
    ['template', '    templates: [{}]', /^All other requests follow rules of their own\./],
  ] as const) {
    test(`${topic}: ${more.trim() || 'of a static challenge'}`, (context) => {
      const { [topic]: text = '' } = explain(context, staticProfile(more))
      assert.match(text, expected)
    })
  }

  test('a verified SID, and Intune in strict mode', (context) => {
    const { sid, notification } = explain(
      context,
      '    notifyMode: strict\n    certificate: { sid: verified, requireSid: true }',
    )
    assert.match(sid ?? '', /looked up in Entra ID .* Without a SID there is no certificate\.$/)
    assert.match(notification ?? '', /before the device gets it; without its yes/)
  })

  test('no secret stands in it', (context) => {
    const configuration = configure(context, staticProfile())
    const told = configuration.profiles.map((profile) => [
      explainProfile(profile, configuration),
      findClientNotes(profile, configuration),
    ])
    assert.ok(!/a{32}|MARKED/.test(JSON.stringify(told)))
  })
})

describe('what clients will stumble over', () => {
  function notes(context: TestContext, more: string, rest = ''): string[] {
    const configuration = configure(context, more, rest)
    const profile = configuration.profiles.at(-1)
    assert.ok(profile !== undefined)
    return findClientNotes(profile, configuration).map(({ clients, text }) => `${clients}: ${text}`)
  }

  test('nothing, in the default profile for Intune', (context) => {
    assert.deepEqual(notes(context, ''), [])
  })

  for (const [more, rest, expected] of [
    [
      '    certificate: { keyTypes: [ec] }',
      '',
      [/^Windows, Apple, Android: .*RSA keys on every platform/],
    ],
    [
      '    certificate: { minRsaBits: 3072 }',
      '',
      [/^Windows, Apple, Android: .*ask for keys of 4096 bits/],
    ],
    [
      '    certificate: { minRsaBits: 8192 }',
      '',
      [/^Windows, Apple, Android: .*at most 4096 bits/],
    ],
    ['    certificate: { sanKinds: [dns] }', '', [/^Windows: .*upn/, /^all of Intune: .*uri/]],
    [
      '    certificate: { allowedKeyUsages: [digitalSignature, keyEncipherment, nonRepudiation] }',
      '',
      [/^Apple: nonRepudiation/],
    ],
    [
      '    certificate: { allowedEkus: [clientAuth, serverAuth], validityDays: 826 }',
      '',
      [/^Apple: TLS server .*825 days/],
    ],
    ['    certificate: { allowedEkus: [clientAuth, serverAuth], validityDays: 825 }', '', []],
    [
      '    capabilities: [SHA-1, DES3]',
      '',
      [
        /^all: Without POST.*11,000/,
        /^all: Without SHA-256/,
        /^all: Without AES/,
        /^macOS: Without Renewal/,
      ],
    ],
    ['', 'ca: [{ includeRoot: false }]', [/^Windows: .*CAThumbprint.*set includeRoot/]],
    ['', 'ca: [{ includeIntermediate: false }]', [/^Android: .*set includeIntermediate/]],
    [
      '    singleCaCert: true',
      '',
      [/^Windows: .*switch singleCaCert off/, /^Android: .*switch singleCaCert off/],
    ],
    ['', 'ca: [{ issuingKey: p256 }]', [/^scepclient \(micromdm\): .*not RSA/]],
    ['    scep: { omitSignerCert: true }', '', [/^clients written in Go: /]],
    ['    scep: { replyChain: full }', '', [/^Juniper: /]],
    [staticProfile(), '', [/^Cisco VPN client: /]],
    [
      staticProfile('    manualApproval: true'),
      '',
      [/^Cisco/, /^Windows: It asks three times/, /^Apple: It asks three times/],
    ],
  ] as const) {
    test(`${more.trim()} ${rest}`, (context) => {
      const found = notes(context, more, rest)
      assert.equal(found.length, expected.length, found.join('\n'))
      for (const [index, pattern] of expected.entries()) assert.match(found[index] ?? '', pattern)
    })
  }

  test('an https publicUrl: Windows does not fetch CRLs there, and old devices do not speak it', (context) => {
    const { outcome } = load(context, `${leastYaml}\n${staticProfile()}`, {}, files)
    const configuration = expectOk(outcome)
    const clients = configuration.profiles.map((profile) =>
      findClientNotes(profile, configuration).map((note) => note.clients),
    )
    assert.deepEqual(clients, [
      ['Windows'],
      ['Cisco VPN client', 'Windows', 'sscep, old Cisco routers'],
    ])
  })
})
