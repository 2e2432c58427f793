import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, suite, test } from 'node:test'
import type { Configuration } from '../../src/config/index.ts'
import { runCommand } from '../cli/command-run.ts'
import { createInsistentDevice } from '../support/insistent-device.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'

function withApproval(configuration: Configuration): Configuration {
  return {
    ...configuration,
    profiles: configuration.profiles.map((profile) =>
      profile.name === 'static' ? { ...profile, manualApproval: true } : profile,
    ),
  }
}

suite('a request waits for an operator, over HTTP, commands and a restart', () => {
  let running: TestConnector
  beforeEach(async () => {
    running = await startTestConnector(withApproval)
  })
  afterEach(async () => await running.remove())

  const command = async (...words: readonly string[]) => {
    const end = await runCommand(['--data-dir', running.dataDir, ...words], {
      cwd: running.dataDir,
    })
    assert.equal(end.code, 0, end.err)
    return end.out
  }

  /** Stops, starts anew on the same folder. */
  async function restart(): Promise<void> {
    await running.stop()
    running = await startTestConnector(withApproval, running.dataDir)
  }

  test('REQ-140, REQ-147, REQ-149: approved in between, the poll gets its certificate, before and after a restart the same', async () => {
    const device = await createInsistentDevice(running.scepUrl('static'), 'no challenge')
    assert.equal((await device.send(running.scepUrl('static'))).kind, 'pending')
    assert.equal((await device.poll(running.scepUrl('static'))).kind, 'pending')
    const [, id = ''] = /^(\S+) {2}waiting {3}approval/m.exec(await command('requests')) ?? []
    await restart()
    assert.equal((await device.poll(running.scepUrl('static'))).kind, 'pending')
    assert.match(await command('approve', id.slice(0, 8)), /^approved .*: CN=insistent device/)
    await restart()
    const issued = await device.poll(running.scepUrl('static'))
    assert.equal(issued.kind, 'issued')
    assert.deepEqual(await device.poll(running.scepUrl('static')), issued)
    assert.deepEqual(await device.send(running.scepUrl('static')), issued)
    const admin = await running.events({
      channel: 'admin',
      transactionId: device.transactionId,
    })
    assert.deepEqual(
      admin.map(({ eventId }) => eventId),
      [4000],
    )
  })

  test('REQ-140, REQ-149: denied in between, it gets FAILURE with the reason, once on record', async () => {
    const device = await createInsistentDevice(running.scepUrl('static'), 'no challenge')
    assert.equal((await device.send(running.scepUrl('static'))).kind, 'pending')
    const [, id = ''] = /^(\S+) {2}waiting/m.exec(await command('requests')) ?? []
    await restart()
    assert.match(await command('deny', id, '--reason', 'lost device'), /^denied/)
    await restart()
    for (const how of ['poll', 'poll', 'send'] as const) {
      const answer = await device[how](running.scepUrl('static'))
      assert.equal(answer.kind, 'refused')
      assert.match(answer.kind === 'refused' ? (answer.text ?? '') : '', /denied: lost device/)
    }
    const admin = await running.waitForEvents(
      { channel: 'admin', transactionId: device.transactionId },
      (found) => found.length > 0,
    )
    assert.deepEqual(
      admin.map(({ eventId }) => eventId),
      [4001],
    )
    const again = await runCommand(['--data-dir', running.dataDir, 'approve', id], {
      cwd: running.dataDir,
    })
    assert.equal(again.code, 1)
    assert.match(again.err, /store\/conflict: no request .* waits/)
  })
})

suite('what an operator is shown before an approval', () => {
  let running: TestConnector
  before(async () => {
    running = await startTestConnector(withApproval)
    for (const [subject, user] of [
      ['CN=printer', 'administrator@contoso.example'],
      ['CN=another', 'joe", dns "x\u202e'],
    ] as const) {
      const sans = [
        { kind: 'upn', value: user },
        { kind: 'dns', value: 'printer.contoso.example' },
      ] as const
      const url = running.scepUrl('static')
      const device = await createInsistentDevice(url, 'no challenge', subject, sans)
      assert.equal((await device.send(url)).kind, 'pending')
    }
  })
  after(async () => await running.remove())

  const run = async (...words: readonly string[]) =>
    await runCommand(['--data-dir', running.dataDir, ...words], { cwd: running.dataDir })

  test('every name that the certificate would have, not the subject alone, before and with the approval', async () => {
    const { out } = await run('requests')
    const names = 'upn "administrator@contoso.example", dns "printer.contoso.example"'
    assert.ok(out.includes(names), out)
    assert.ok(out.includes(String.raw`upn "joe\", dns \"x\u{202e}", dns`), out)
    const [, id = ''] = /^(\S+) {2}waiting .*\n.*CN=printer/m.exec(out) ?? []
    const approved = await run('approve', id)
    assert.ok(approved.out.includes(names), approved.out)
  })

  test('an id that is left out, or nearly so, approves and denies nothing', async () => {
    const { out } = await run('requests')
    const [, id = ''] = /^(\S+) {2}waiting/m.exec(out) ?? []
    for (const words of [
      ['approve', ''],
      ['deny', id.slice(0, 7)],
    ] as const) {
      const end = await run(...words)
      assert.equal(end.code, 2, end.out)
      assert.match(end.err, /8 digits/)
    }
    assert.equal((await run('requests')).out, out)
  })
})

suite('Intune is away for a while', () => {
  let running: TestConnector
  before(async () => {
    running = await startTestConnector(
      ({ intune, ...same }): Configuration => ({
        ...same,
        ...(intune === undefined
          ? {}
          : { intune: { ...intune, timeouts: { connectMs: 500, readMs: 500, budgetMs: 1000 } } }),
      }),
    )
  })
  after(async () => await running.remove())

  test('REQ-150: PENDING while it is away, the certificate afterwards, one success told', async () => {
    const url = running.scepUrl()
    const device = await createInsistentDevice(
      url,
      await running.challenge({ subject: 'CN=insistent device' }),
    )
    await running.control('POST', '/control/faults', { hop: 'validate', fault: '503' })
    assert.equal((await device.send(url)).kind, 'pending')
    assert.equal((await device.poll(url)).kind, 'pending')
    await running.control('DELETE', '/control/faults')
    assert.equal((await device.poll(url)).kind, 'issued')
    const { transactionId } = device
    const admin = await running.waitForEvents(
      { channel: 'admin', transactionId },
      (found) => found.length > 0,
    )
    assert.deepEqual(
      admin.map(({ eventId }) => eventId),
      [4000],
    )
    const { value } = (await running.control('GET', '/control/notifications')) as {
      value: readonly { kind: string; transactionId: string }[]
    }
    assert.deepEqual(
      value.filter((told) => told.transactionId === transactionId).map(({ kind }) => kind),
      ['success'],
    )
  })
})
