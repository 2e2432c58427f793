import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { parseCertificationRequest } from '../../src/pki/index.ts'
import { runCommand } from '../cli/command-run.ts'
import { createInsistentDevice } from '../support/insistent-device.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'

suite('a capture of messages, by command', () => {
  let running: TestConnector
  before(async () => {
    running = await startTestConnector()
  })
  after(async () => await running.remove())

  const command = async (...words: readonly string[]) =>
    await runCommand(['--data-dir', running.dataDir, 'capture', ...words], {
      cwd: running.dataDir,
    })

  async function send(challenge: string, profile = 'static'): Promise<string> {
    const url = running.scepUrl(profile)
    return (await (await createInsistentDevice(url, challenge)).send(url)).kind
  }

  const post = async (bytes: Uint8Array) =>
    await fetch(`${running.scepUrl('static')}?operation=PKIOperation`, {
      method: 'POST',
      body: Uint8Array.from(bytes),
    })

  async function waitForFiles(folder: string, last: string): Promise<readonly string[]> {
    for (const until = Date.now() + 15_000; ; ) {
      const files = readdirSync(folder)
      if (files.includes(last)) return files
      if (Date.now() > until) throw new Error(`no ${last} among ${files.join(', ')}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  test('REQ-194: requests and replies of the profile are kept without challenges, for its owner only, and it ends by itself', async () => {
    const begun = await command('--profile', 'static', '--for', '15m', '--messages', '3')
    assert.equal(begun.code, 0, begun.err)
    const folder = begun.out.trim()
    assert.ok(folder.startsWith(join(running.dataDir, 'captures', 'static-')))

    assert.equal(await send('secret'), 'issued')
    const wrong = 'a-wrong-challenge-of-no-use'
    assert.equal(await send(wrong), 'refused')
    assert.equal(await send('secret', 'legacy'), 'issued')
    const noise = Buffer.from('no message at all')
    assert.equal((await post(noise)).status, 400)
    assert.equal(await send('secret'), 'issued')

    const files = await waitForFiles(folder, 'ended')
    assert.deepEqual(files.filter((name) => /^\d/.test(name)).sort(), [
      '0001-csr.der',
      '0001-reply.der',
      '0001-request.der',
      '0001.json',
      '0002-csr.der',
      '0002-reply.der',
      '0002-request.der',
      '0002.json',
      '0003-request.raw',
      '0003.json',
    ])
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    for (const name of files) {
      const path = join(folder, name)
      assert.equal(statSync(path).mode & 0o777, 0o600, name)
      assert.ok(!readFileSync(path).includes(wrong), name)
      assert.ok(!/^\d/.test(name) || !readFileSync(path).includes('secret'), name)
    }
    const csr = (number: string) =>
      parseCertificationRequest(Uint8Array.from(readFileSync(join(folder, `${number}-csr.der`))))
    assert.equal(csr('0001').challengePassword, '******')
    assert.equal(csr('0002').challengePassword, '*'.repeat(wrong.length))
    assert.deepEqual(readFileSync(join(folder, '0003-request.raw')), noise)
    const facts = ['0001', '0002', '0003'].map(
      (number) =>
        JSON.parse(readFileSync(join(folder, `${number}.json`), 'utf8')) as Record<string, unknown>,
    )
    assert.deepEqual(
      facts.map(({ outcome, isAsReceived }) => [outcome, isAsReceived]),
      [
        ['issued', false],
        ['challenge-refused', false],
        [undefined, true],
      ],
    )
    const events = [...(await running.events({ id: 18 })), ...(await running.events({ id: 19 }))]
    assert.equal(events.length, 2)
    for (const { detail } of events) assert.ok(detail?.includes(basename(folder)))
    assert.match(events[1]?.detail ?? '', /it is full/)
    assert.equal(events[1]?.count, 3)
  })

  test('REQ-194: it survives a restart, one at a time, and ends when an operator says so', async () => {
    const begun = await command('--profile', 'static', '--for', '1h')
    assert.equal(begun.code, 0, begun.err)
    const folder = begun.out.trim()
    assert.equal(await send('secret'), 'issued')
    await waitForFiles(folder, '0001.json')
    const twice = await command('--profile', 'static')
    assert.equal(twice.code, 2)
    assert.match(twice.err, /--stop first/)
    await running.stop()
    running = await startTestConnector((same) => same, running.dataDir)
    await running.waitForEvents({ id: 18 }, (found) => found.length === 3)
    assert.equal(await send('secret'), 'issued')
    await waitForFiles(folder, '0002.json')
    const stopped = await command('--profile', 'static', '--stop')
    assert.equal(stopped.out.trim(), folder)
    await waitForFiles(folder, 'ended')
    assert.equal(await send('secret'), 'issued')
    assert.ok(!readdirSync(folder).includes('0003.json'))
  })

  test('what cannot be captured is told', async () => {
    const unknown = await command('--profile', 'nobody')
    assert.equal(unknown.code, 2)
    assert.match(unknown.err, /there is no nobody/)
    const tooLong = await command('--profile', 'static', '--for', '25h')
    assert.equal(tooLong.code, 2)
    assert.match(tooLong.err, /at most 24h/)
  })
})
