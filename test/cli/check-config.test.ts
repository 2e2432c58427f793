import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
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
