import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runCommand } from './command-run.ts'

describe('check-config', () => {
  let cwd = ''
  before(() => {
    cwd = mkdtempSync(join(tmpdir(), 'check-config-'))
    writeFileSync(join(cwd, 'challenge'), 'a-shared-challenge\n')
  })
  after(() => rmSync(cwd, { recursive: true, force: true }))

  test('tells all problems at once, with their lines, and ends with 2', async () => {
    writeFileSync(
      join(cwd, 'bad.yaml'),
      [
        'listeners:',
        '  device: { publicUrl: "ftp://x", port: 70000 }',
        'profiles:',
        '  - name: default',
        '    challenge: { kind: intune }',
        '    notfyMode: strict',
        '    ca: elsewhere',
        '  - name: second',
        '    challenge: { kind: intune }',
        '',
      ].join('\n'),
    )
    const { code, out, err } = await runCommand(['--config', 'bad.yaml', 'check-config'], { cwd })
    assert.equal(code, 2)
    assert.equal(out, '')
    for (const key of ['publicUrl', 'port', 'notfyMode', 'profiles[0].ca', 'intune'])
      assert.ok(err.includes(key), `${key} in\n${err}`)
    assert.match(err, /notfyMode.*notifyMode/)
    assert.match(err, /^\d+ problems in the configuration/m)
    assert.ok(Number(/^(\d+) problems/m.exec(err)?.[1]) >= 5)
  })

  test('a file that is not there is a problem and names it', async () => {
    const { code, err } = await runCommand(['check-config', '--config', 'nowhere.yaml'], { cwd })
    assert.equal(code, 2)
    assert.match(err, /nowhere\.yaml/)
  })

  const WRONG_FILES = [
    'passphraseFile: short',
    'blockedKeysFile: short',
    'listeners:',
    '  device:',
    '    publicUrl: https://scep.example.org',
    '    tls: { certificateFile: short, keyFile: short }',
    'features: { pkcs: true, pkcsImport: true }',
    'pfxImport: { deviceIssuersFile: nowhere.pem }',
    'pkcs:',
    '  deviceIssuersFile: short',
    '  templates:',
    '    - certificationAuthority: ca1.example.org',
    '      certificationAuthorityName: Example CA',
    '      certificateTemplateName: User',
    "      subject: ['CN=*']",
    'management: { openService: { url: "https://connectors.example.org", caFile: short } }',
    'intune:',
    '  tenant: contoso.onmicrosoft.com',
    '  clientId: 11111111-2222-3333-4444-555555555555',
    '  clientSecretFile: short',
    '  trustedCaFile: nowhere.pem',
    'profiles:',
    '  - name: default',
    '    challenge: { kind: intune }',
    '  - name: page',
    '    challenge: { kind: one-time }',
    '    ndes: { adminPage: true, usersFile: short }',
    '',
  ].join('\n')

  for (const command of ['check-config', 'serve'])
    test(`${command} names every file that a start could not use, and makes nothing`, async () => {
      writeFileSync(join(cwd, 'short'), 'no PEM\n', { mode: 0o600 })
      writeFileSync(join(cwd, 'files.yaml'), WRONG_FILES)
      const { code, out, err } = await runCommand(['--config', 'files.yaml', command], { cwd })
      assert.equal(code, 2, err)
      assert.equal(out, '')
      const told = err.split('\n')
      for (const [key, reason] of [
        ['short:', /a passphrase has at least 16/],
        ['blockedKeysFile', /line 1 of .*short is no SHA-256/],
        ['listeners.device.tls.certificateFile', /holds no certificate/],
        ['intune.trustedCaFile', /nowhere\.pem cannot be read/],
        ['management.openService.caFile', /short holds no certificate in PEM/],
        ['pkcs.deviceIssuersFile', /short holds no PEM certificates/],
        ['pfxImport.deviceIssuersFile', /nowhere\.pem holds no PEM certificates/],
        ['ndes.usersFile', /page/],
      ] as const)
        assert.ok(
          told.some((line) => line.includes(key) && reason.test(line)),
          `${key} in\n${err}`,
        )
      assert.match(err, /^8 problems in the configuration/m)
      assert.equal(existsSync(join(cwd, 'data')), false)
    })

  test('a good file ends with 0, shows the profiles, warns on standard error and shows no secret', async () => {
    writeFileSync(
      join(cwd, 'connector.yaml'),
      [
        'listeners: { device: { publicUrl: "https://scep.example.org" } }',
        'profiles:',
        '  - name: devices',
        '    challenge: { kind: static, secretFile: challenge }',
        '',
      ].join('\n'),
    )
    const { code, out, err } = await runCommand(['check-config'], { cwd })
    assert.equal(code, 0)
    assert.match(out, /^connector\.yaml: valid$/m)
    assert.match(out, /^profile devices: static challenge, CA default, 365 days, deferred$/m)
    assert.match(out, /^ {2}All devices send the same challenge/m)
    assert.match(out, /^ {2}note for Windows: /m)
    assert.match(err, /^warning: .*passphraseFile/m)
    assert.ok(!`${out}${err}`.includes('a-shared-challenge'))
    const json = await runCommand(['check-config', '--json'], { cwd })
    assert.equal(json.code, 0)
    const report = JSON.parse(json.out)
    assert.deepEqual(Object.keys(report), [
      'valid',
      'file',
      'publicUrl',
      'features',
      'warnings',
      'profiles',
    ])
    assert.equal(report.profiles[0].name, 'devices')
    assert.equal(report.profiles[0].statements[0].topic, 'address')
    assert.ok(report.profiles[0].notes.length > 0 && report.warnings.length > 0)
    assert.ok(!json.out.includes('a-shared-challenge'))
  })
})
