import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectOk, expectProblems, leastYaml, load, withLine } from './support.ts'

const staticProfile = (more = '') =>
  `${leastYaml}\n  - name: static\n    challenge: { kind: static, secretFile: secrets/challenge }\n${more}`

test('a server may be called mscep', (context) => {
  const yaml = leastYaml.replace('https://scep.example.org', 'https://mscep')
  assert.equal(expectOk(load(context, yaml).outcome).listeners.device.publicUrl, 'https://mscep')
})

for (const [title, yaml, path] of [
  [
    'two profiles of one name',
    `${leastYaml}\n  - name: default\n    challenge: { kind: intune }`,
    'profiles[1].name',
  ],
  ['two CAs of one id', `${leastYaml}\nca: [{ id: default }, { id: default }]`, 'ca[1].id'],
  ['a CA that does not exist', `${leastYaml}\n    ca: other`, 'profiles[0].ca'],
  [
    'a static challenge without secret',
    `${leastYaml}\n  - name: s\n    challenge: { kind: static }`,
    'profiles[1].challenge.secretFile',
  ],
  [
    'the SCEP URL of an NDES instead of the address of the server',
    leastYaml.replace(
      'https://scep.example.org',
      'https://scep.example.org/certsrv/mscep/mscep.dll',
    ),
    'listeners.device.publicUrl',
  ],
  [
    'a tenant without a domain',
    leastYaml.replace(/tenant: .*/, 'tenant: contoso'),
    'intune.tenant',
  ],
  [
    'a default usage that is not allowed',
    `${leastYaml}\n    certificate: { allowedEkus: [emailProtection] }`,
    'profiles[0].certificate.defaultEkus',
  ],
  [
    'a default key usage that is not allowed',
    `${leastYaml}\n    certificate: { defaultKeyUsages: [keyAgreement] }`,
    'profiles[0].certificate.defaultKeyUsages',
  ],
  [
    'a demanded SID that nobody verifies',
    `${leastYaml}\n    certificate: { requireSid: true }`,
    'profiles[0].certificate.requireSid',
  ],
  [
    'imports to deliver for no service',
    `${leastYaml}\nfeatures: { pkcsImport: true }\npfxImport: { deviceIssuersFile: ca.pem }\nmanagement: {}`,
    'management.openService',
  ],
  [
    'imports to deliver to no device',
    `${leastYaml}\nfeatures: { pkcsImport: true }\nmanagement: { openService: { url: https://service.example.org } }\npfxImport: { minProfile: strong }`,
    'pfxImport.deviceIssuersFile',
  ],
  [
    'a CRL that expires before the next',
    `${leastYaml}\nca: [{ crl: { validityHours: 24 } }]`,
    'ca[0].crl.publishEveryHours',
  ],
  [
    'an RA that is renewed before it is made',
    `${leastYaml}\nca: [{ ra: { validityDays: 30 } }]`,
    'ca[0].ra.overlapDays',
  ],
  [
    'an issuing CA that outlives its root',
    `${leastYaml}\nca: [{ rootYears: 5 }]`,
    'ca[0].issuingYears',
  ],
  [
    'listeners on one port',
    withLine('    publicUrl:', '    port: 8081\n    publicUrl:'),
    'listeners.admin.port',
  ],
  [
    'HTTPS on the port of plain HTTP',
    withLine(
      '    publicUrl:',
      '    tls: { certificateFile: a, keyFile: b, port: 8080 }\n    publicUrl:',
    ),
    'listeners.device.tls.port',
  ],
  [
    'HTTPS on the port of the admin listener',
    withLine(
      '    publicUrl:',
      '    tls: { certificateFile: a, keyFile: b, port: 8081 }\n    publicUrl:',
    ),
    'listeners.admin.port',
  ],
  [
    'no credential',
    withLine('  clientSecretFile: secrets/intune\n', ''),
    'intune.clientSecretFile',
  ],
  [
    'two credentials',
    withLine('  clientId', '  clientCertificateFile: a\n  clientKeyFile: b\n  clientId'),
    'intune.clientSecretFile',
  ],
  [
    'a certificate without key',
    withLine('clientSecretFile: secrets/intune', 'clientCertificateFile: a'),
    'intune.clientKeyFile',
  ],
  [
    'a proxy password without user',
    `${leastYaml}\nproxy: { url: "http://p:1", passwordFile: secrets/intune }`,
    'proxy.username',
  ],
  [
    'REQ-136: certificate-only renewal of an Intune profile',
    withLine('{ kind: intune }', '{ kind: intune }\n    allowCertificateOnlyRenewal: true'),
    'profiles[0].allowCertificateOnlyRenewal',
  ],
  [
    'REQ-141: manual approval of an Intune profile',
    withLine('{ kind: intune }', '{ kind: intune }\n    manualApproval: true'),
    'profiles[0].manualApproval',
  ],
  [
    'a secret for an Intune challenge',
    withLine('{ kind: intune }', '{ kind: intune, secretFile: x }'),
    'profiles[0].challenge.secretFile',
  ],
] as const) {
  test(`${title} is a problem at ${path}`, (context) => {
    const problems = expectProblems(load(context, yaml).outcome)
    assert.deepEqual(
      problems.map((problem) => problem.path),
      [path],
    )
    assert.ok((problems[0]?.line ?? 0) > 0)
  })
}

test('an Intune profile needs the section intune', (context) => {
  const yaml = leastYaml.replace(/intune:\n( {2}.*\n)+/, '')
  const problems = expectProblems(load(context, yaml).outcome)
  assert.deepEqual(
    problems.map((problem) => [problem.path, problem.found]),
    [['intune', 'nothing']],
  )
})

test('revocation requests need the section intune', (context) => {
  const yaml = leastYaml
    .replace(/intune:\n( {2}.*\n)+/, '')
    .replace('{ kind: intune }', '{ kind: static, secretFile: secrets/intune }')
  expectOk(load(context, yaml).outcome)
  const problems = expectProblems(load(context, `${yaml}\nfeatures: { revocation: true }`).outcome)
  assert.deepEqual(
    problems.map((problem) => [problem.path, problem.found]),
    [['intune', 'nothing']],
  )
})

test('contradictions are found although another part is invalid', (context) => {
  const yaml = `${leastYaml}\n    ca: other\nworkers: { count: 0 }`
  const problems = expectProblems(load(context, yaml).outcome)
  assert.deepEqual(
    problems.map((problem) => problem.path),
    ['profiles[0].ca', 'workers.count'],
  )
})

for (const [title, yaml, challenge, path] of [
  [
    'a public address that is loopback',
    withLine('https://scep.example.org', 'https://127.0.0.1'),
    '',
    'listeners.device.publicUrl',
  ],
  [
    'Intune over plain http',
    withLine('https://scep', 'http://scep'),
    '',
    'listeners.device.publicUrl',
  ],
  [
    'an admin listener that is open',
    `${leastYaml.replace('listeners:', 'listeners:\n  admin: { host: 0.0.0.0 }')}`,
    '',
    'listeners.admin.host',
  ],
  [
    'a passphrase beside its keys',
    withLine('passphraseFile: /run/secrets/passphrase\n', ''),
    '',
    'passphraseFile',
  ],
  ['the simulator', `${leastYaml}\nsimulator: { enabled: true }`, '', 'simulator.enabled'],
  ['debug lines', `${leastYaml}\nlogging: { debug: { admin: true } }`, '', 'logging.debug.admin'],
  ['a short static challenge', staticProfile(), 'MARKED', 'profiles[1].challenge.secret'],
  [
    'a static challenge that Windows cannot send',
    staticProfile(),
    'MARKED_with_underscores',
    'profiles[1].challenge.secret',
  ],
  [
    'any identity for a static challenge',
    staticProfile('    certificate: { sid: pass-uri }'),
    'long-enough-challenge',
    'profiles[1].certificate.sid',
  ],
  [
    'strict mode where nobody is told',
    staticProfile('    notifyMode: strict'),
    'long-enough-challenge',
    'profiles[1].notifyMode',
  ],
  ['MD5', `${leastYaml}\n    scep: { allowMd5: true }`, '', 'profiles[0].scep.allowMd5'],
  ['DES', `${leastYaml}\n    scep: { allowDes: true }`, '', 'profiles[0].scep.allowDes'],
  [
    'short RSA keys',
    `${leastYaml}\n    certificate: { minRsaBits: 1024 }`,
    '',
    'profiles[0].certificate.minRsaBits',
  ],
  [
    'any usage',
    `${leastYaml}\n    certificate: { allowedEkus: [clientAuth, 2.5.29.37.0] }`,
    '',
    'profiles[0].certificate.allowedEkus',
  ],
  [
    'capabilities that iOS refuses',
    `${leastYaml}\n    capabilities: [AES, Renewal]`,
    '',
    'profiles[0].capabilities',
  ],
  [
    'a capability in other letters',
    `${leastYaml}\n    capabilities: [AES, SHA-256, postPkiOperation]`,
    '',
    'profiles[0].capabilities',
  ],
] as const) {
  test(`${title} is a warning at ${path}`, (context) => {
    const { outcome } = load(context, yaml, {}, { 'secrets/challenge': challenge })
    expectOk(outcome)
    const warnings = outcome.kind === 'ok' ? outcome.warnings : []
    assert.deepEqual(
      warnings.map((warning) => warning.path),
      [path],
    )
    assert.ok(!JSON.stringify(warnings).includes('MARKED'))
  })
}

test('REQ-31: a list of capabilities without POSTPKIOperation loses SCEPStandard', (context) => {
  const yaml = `${leastYaml}\n    capabilities: [SHA-256, AES, SCEPStandard]`
  assert.deepEqual(expectOk(load(context, yaml).outcome).profiles[0]?.capabilities, [
    'SHA-256',
    'AES',
  ])
})

test('REQ-127: a verified SID needs an Intune challenge, in templates too', (context) => {
  for (const [more, path] of [
    ['    certificate: { sid: verified }', 'certificate.sid'],
    ['    templates: [{ certificate: { sid: verified } }]', 'templates[0].certificate.sid'],
  ] as const) {
    const { outcome } = load(
      context,
      staticProfile(more),
      {},
      { 'secrets/challenge': 'a'.repeat(32) },
    )
    const [problem, ...others] = expectProblems(outcome)
    assert.deepEqual([problem?.path, others], [`profiles[1].${path}`, []])
  }
})
