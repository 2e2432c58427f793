import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type CommandRun, runCommand, startCommand } from './command-run.ts'

describe('simulate', () => {
  let cwd = ''
  let simulator: CommandRun
  before(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'simulate-'))
    simulator = startCommand(['simulate', '--https-port', '0', '--control-port', '0'], { cwd })
    await simulator.waitFor(/Stop with Ctrl-C/)
  })
  after(() => rmSync(cwd, { recursive: true, force: true }))

  test('the settings that it prints are a section that a configuration takes', async () => {
    const section = /^intune:\n(?: {2}.*\n)+/m.exec(simulator.out())?.[0] ?? ''
    const secret = /CONNECTOR_INTUNE_CLIENT_SECRET: (\S+)/.exec(simulator.out())?.[1] ?? ''
    writeFileSync(
      join(cwd, 'connector.yaml'),
      `${section}listeners: { device: { publicUrl: "https://scep.example.org" } }\nprofiles: [{ name: default, challenge: { kind: intune } }]\n`,
    )
    const { code, err } = await runCommand(['check-config'], {
      cwd,
      environment: { CONNECTOR_INTUNE_CLIENT_SECRET: secret },
    })
    assert.equal(code, 0, err)
  })

  test('it ends with 0 when it is told to', async () => {
    const control = /^Control: (http:\/\/127\.0\.0\.1:\d+)\//m.exec(simulator.out())?.[1] ?? ''
    assert.equal((await fetch(`${control}/control/notifications`)).status, 200)
    simulator.child.kill('SIGTERM')
    assert.equal(await simulator.ended, 0)
    await assert.rejects(fetch(`${control}/control/notifications`))
  })
})
