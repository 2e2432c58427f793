import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { runCommand, startCommand } from './command-run.ts'
import {
  type RunningDemonstration,
  sharedChallenge,
  startDemonstration,
} from './running-demonstration.ts'

describe('commands beside a connector that runs', () => {
  let running: RunningDemonstration
  before(async () => {
    running = await startDemonstration()
  })
  after(() => running.remove())

  test('serve says first that it is the demonstration, and greets with all that one needs', () => {
    const out = running.serve.out()
    assert.match(out, /^Demonstration \(simulator\.enabled\)/)
    assert.ok(out.includes(`SCEP URL    ${running.deviceUrl}/certsrv/mscep/mscep.dll\n`))
    assert.match(out, /^[A-Za-z0-9+/=]{1000,}$/m)
    assert.ok(out.includes(`${running.adminUrl}/readyz`))
    const line = /^ {2}npm run enrol -- (.+)$/m.exec(out)?.[1]
    assert.equal(
      line,
      `--url ${running.deviceUrl}/certsrv/mscep/mscep.dll --control ${running.controlUrl}`,
    )
  })

  test('the line of the greeting enrols, shows each step, the certificate and the events', async () => {
    const line = /^ {2}npm run enrol -- (.+)$/m.exec(running.serve.out())?.[1] ?? ''
    const { code, out, err } = await running.run('enrol', ...line.split(' '))
    assert.equal(code, 0, err)
    assert.match(out, /-----BEGIN CERTIFICATE-----/)
    for (const id of [4003, 4004, 4006, 4008, 4000])
      assert.match(out, new RegExp(`^ {2}[\\d:.]+ I ${id} `, 'm'))
  })

  test('enrol --out writes certificate and key, mode 0600, which belong together; not twice', async () => {
    const words = [
      'enrol',
      sharedChallenge,
      '--url',
      `${running.deviceUrl}/scep/static`,
      '--subject',
      'CN=printer',
      '--san',
      'dns:printer.example',
      '--key',
      'p256',
      '--out',
      'printer',
    ]
    const { code, err } = await running.run(...words)
    assert.equal(code, 0, err)
    const certificate = new X509Certificate(readFileSync(join(running.cwd, 'printer.pem')))
    const keyFile = join(running.cwd, 'printer.key')
    assert.equal(statSync(keyFile).mode & 0o777, 0o600)
    assert.ok(certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile))))
    assert.equal(certificate.subjectAltName, 'DNS:printer.example')
    const again = await running.run(...words)
    assert.equal(again.code, 2)
    assert.match(again.err, /--out: printer\.key cannot be written/)
  })

  test('a refused challenge ends enrol with 1 and without a certificate', async () => {
    const { code, out, err } = await running.run(
      'enrol',
      'wrong',
      '--url',
      `${running.deviceUrl}/scep/static`,
      '--key',
      'p256',
    )
    assert.equal(code, 1)
    assert.ok(!out.includes('BEGIN CERTIFICATE'))
    assert.match(err, /^certconnector: scep\//)
  })

  test('challenge prints one challenge on standard output and its end on standard error', async () => {
    const { code, out, err } = await running.run(
      'challenge',
      '--control',
      running.controlUrl,
      '--subject',
      'CN=x',
    )
    assert.equal(code, 0)
    assert.match(out, /^[A-Za-z0-9+/=]{1000,}\n$/)
    assert.match(err, /^good until \d{4}-/)
  })

  test('events filters by id, transaction, channel and time; --json lines are the file’s', async () => {
    const json = await running.run('events', '--id', '4006', '--json', '--limit', '1')
    const record = JSON.parse(json.out) as { eventId: number; transactionId: string }
    assert.equal(record.eventId, 4006)
    const log = readFileSync(join(running.cwd, 'data/logs/operational.jsonl'), 'utf8')
    assert.ok(log.split('\n').includes(json.out.trim()))
    const story = await running.run('events', '--transaction', record.transactionId)
    const lines = story.out.trim().split('\n')
    assert.ok(lines.length >= 3)
    assert.ok(lines.every((line) => line.includes(record.transactionId)))
    const admin = await running.run('events', '--channel', 'admin')
    assert.ok(admin.out.length > 0)
    assert.match(admin.out, /^(?:[\d:.]+ [IE] 400[012] .*\n)+$/)
    const none = await running.run('events', '--since', '2099-01-01T00:00Z')
    assert.equal(none.code, 0)
    assert.equal(none.out, '')
    assert.match(none.err, /no such event/)
  })

  test('events --follow shows what was and what comes, once, and ends with 0 on SIGINT', async () => {
    const listed = await running.run('events', '--id', '4006')
    const before = listed.out.match(/ 4006 /g)?.length ?? 0
    const following = startCommand(['events', '--follow', '--id', '4006'], { cwd: running.cwd })
    await following.waitFor(new RegExp(`(?: 4006 [^]*){${before}}`))
    const { code } = await running.run(
      'enrol',
      sharedChallenge,
      '--url',
      `${running.deviceUrl}/scep/static`,
      '--key',
      'p256',
      '--subject',
      'CN=followed',
    )
    assert.equal(code, 0)
    await following.waitFor(/CN=followed/)
    following.child.kill('SIGINT')
    assert.equal(await following.ended, 0)
    assert.equal(following.out().match(/ 4006 /g)?.length, before + 1)
  })

  test('outbox lists what Intune does not take and redelivers it when told to', async () => {
    await running.control('POST', '/control/faults', { hop: 'success', fault: '500' })
    const enrolled = await running.run(
      'enrol',
      '--url',
      `${running.deviceUrl}/scep/default`,
      '--control',
      running.controlUrl,
      '--key',
      'p256',
      '--subject',
      'CN=owed',
    )
    assert.equal(enrolled.code, 0)
    const transactionId = /--transaction (\S+)/.exec(enrolled.out)?.[1] ?? ''
    await running.serve.waitFor(new RegExp(` 4002 .*transactionId=${transactionId}`))
    const owed = await running.run('outbox', 'list')
    const line = owed.out.split('\n').find((text) => text.includes(transactionId)) ?? ''
    assert.match(line, /^[0-9a-f-]{36} {2}exhausted {2}success .*failed attempts 2/)
    assert.match(owed.out, /500/)
    assert.equal(owed.err, '1 notification\n')

    await running.control('DELETE', '/control/faults')
    const unknown = await running.run('outbox', 'redeliver', 'no-such-id')
    assert.equal(unknown.code, 1)
    assert.match(unknown.err, /no undelivered notification no-such-id: .*outbox list/)
    const { code, out } = await running.run('outbox', 'redeliver', line.slice(0, 36))
    assert.equal(code, 0)
    assert.equal(out, '1 made due\n')
    await running.serve.waitFor(new RegExp(` 4008 .*transactionId=${transactionId}`))
    const left = await running.run('outbox', 'list')
    assert.equal(left.out, '')
    const all = await running.run('outbox', 'list', '--all')
    assert.match(all.out, new RegExp(`delivered  success .*${transactionId}`))
  })

  test('backup while it runs is whole, for the owner alone, and overwrites nothing', async () => {
    mkdirSync(join(running.cwd, 'data', 'keyring'))
    const { code, out } = await running.run('backup', 'copy.db')
    assert.equal(code, 0)
    assert.match(out, /ca\/, data\.key, connector-id, keyring\/; and, elsewhere/)
    const file = join(running.cwd, 'copy.db')
    assert.equal(statSync(file).mode & 0o777, 0o600)
    const database = new DatabaseSync(file, { readOnly: true })
    assert.equal(database.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok')
    const issued = database.prepare('select count(*) as n from certificate').get()
    assert.ok(Number(issued?.['n']) >= 3)
    database.close()
    const again = await running.run('backup', 'copy.db')
    assert.equal(again.code, 1)
    assert.match(again.err, /store\/conflict: .*copy\.db exists/)
  })

  test('spool replay leaves the work to the connector that runs', async () => {
    const { code, out } = await running.run('spool', 'replay')
    assert.equal(code, 0)
    assert.match(out, /^A connector works on .*data and replays its spool by itself/)
  })

  test('a second serve on the same data fails with 1 and says who has it', async () => {
    const { code, err } = await running.run('serve')
    assert.equal(code, 1)
    assert.match(err, /store\/conflict: .*another connector works on this data folder/)
  })

  test('a port that is taken ends serve with 2, naming the port and its key', async () => {
    const { code, err } = await runCommand(['serve'], {
      cwd: running.cwd,
      environment: { CONNECTOR_DATA_DIR: 'other', CONNECTOR_SIMULATOR_ENABLED: 'false' },
    })
    assert.equal(code, 2)
    const { port } = new URL(running.deviceUrl)
    assert.match(err, new RegExp(`listeners\\.device: cannot listen on 127\\.0\\.0\\.1:${port}: `))
    assert.match(err, /stop it or choose another port/)
  })

  test('no log and no output of the connector holds the shared challenge', () => {
    for (const name of ['admin.jsonl', 'operational.jsonl'])
      assert.ok(
        !readFileSync(join(running.cwd, 'data/logs', name), 'utf8').includes(sharedChallenge),
      )
    assert.ok(!running.serve.out().includes(sharedChallenge))
    assert.ok(existsSync(join(running.cwd, 'data/connector.db')))
  })

  test('SIGTERM finishes a request that runs, and ends with 0', async () => {
    // Intune hangs, so that the request is still running when the signal comes.
    await running.control('POST', '/control/faults', {
      hop: 'validate',
      fault: 'timeout',
      times: 1,
    })
    const request = running.run(
      'enrol',
      '--url',
      `${running.deviceUrl}/scep/default`,
      '--control',
      running.controlUrl,
      '--key',
      'p256',
      '--subject',
      'CN=last',
    )
    await running.serve.waitFor(/ 4003 .*CN=last/)
    running.serve.child.kill('SIGTERM')
    const { code, out, err } = await request
    assert.equal(code, 0, `${out}${err}`)
    assert.equal(await running.serve.ended, 0)
    assert.match(running.serve.err(), /SIGTERM: finishing what runs/)
  })
})
