import assert from 'node:assert/strict'
import { randomBytes, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { enrolDevice } from '../../src/cli/enrolment-client/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { assertAdminOnce } from '../support/admin-once.ts'
import { findFreePorts } from '../support/free-ports.ts'
import { recordQuickAuthority } from '../support/quick-authority.ts'
import { type ServiceBeside, startServiceBeside } from '../support/service-beside.ts'
import { type CommandResult, type CommandRun, runCommand, startCommand } from './command-run.ts'

const ITEMS = 400

interface Known {
  readonly id: string
  readonly paused: boolean
}

describe('commands about the connector service', () => {
  let service: ServiceBeside
  let serve: CommandRun
  let ports: readonly number[]
  let serialNumber = ''
  before(async () => {
    service = await startServiceBeside()
    ports = await findFreePorts(2)
    await writeSite()
    serve = startCommand(['serve'], { cwd: service.folder })
    await service.waitUntil('a first health message', isActive)
  })
  after(async () => {
    serve.child.kill('SIGKILL')
    await serve.ended
    await service.remove()
  })

  async function writeSite(): Promise<void> {
    const { folder, simulator } = service
    const [device, admin] = ports
    const passphrase = randomBytes(32).toString('base64url')
    mkdirSync(join(folder, 'data'), { mode: 0o700 })
    writeFileSync(join(folder, 'data/passphrase'), passphrase, { mode: 0o600 })
    writeFileSync(join(folder, 'token'), `${simulator.enrolmentToken}\n`, { mode: 0o600 })
    writeFileSync(join(folder, 'challenge'), 'shared-by-all-devices\n', { mode: 0o600 })
    writeFileSync(
      join(folder, 'connector.yaml'),
      `
dataDir: data
listeners:
  device: { port: ${device}, publicUrl: "http://127.0.0.1:${device}" }
  admin: { port: ${admin} }
ca: [{ id: default, rootKey: p256, issuingKey: p256 }]
profiles:
  - { name: static, challenge: { kind: static, secretFile: challenge } }
features: { revocation: true }
management:
  openService:
    url: ${simulator.httpsUrl}
    enrolmentTokenFile: token
    caFile: ${simulator.caFile}
logging: { console: 'off' }
`,
    )
    await recordQuickAuthority(join(folder, 'data/ca/default'), new Secret(passphrase), {
      names: { name: 'Device CA' },
      rootKey: 'p256',
      issuingKey: 'p256',
      now: new Date(),
      random: randomBytes,
    })
  }

  const run = async (...words: readonly string[]): Promise<CommandResult> =>
    await runCommand(words, { cwd: service.folder })

  async function listKnown(): Promise<readonly Known[]> {
    return (await service.control<{ value: readonly Known[] }>('GET', 'connectors')).value
  }

  /** Each is an item of its own; all but the first find the certificate revoked. */
  async function queueRevocations(count: number): Promise<void> {
    const order = { serialNumber, caConfiguration: 'connector-ca/default' }
    for (let number = 0; number < count; number += 1)
      await service.control('POST', 'work/revocation', order)
  }

  /** What the admin listener answers; nothing before it listens. */
  async function ask(path: string): Promise<string> {
    return await fetch(`http://127.0.0.1:${ports[1]}${path}`).then(
      async (answer) => await answer.text(),
      () => '',
    )
  }

  async function isActive(): Promise<boolean> {
    return (await ask('/api/status')).includes('"state":"active"')
  }

  async function hasReceived(): Promise<boolean> {
    return /^connector_queue_items\{.*state="received".*\} [1-9]/m.test(await ask('/metrics'))
  }

  test('status says what the portal would: id, state, last contact, features', async () => {
    const { code, out } = await run('status')
    assert.equal(code, 0)
    const [known] = await listKnown()
    assert.ok(known)
    for (const line of [
      /^ready {15}yes$/m,
      new RegExp(`^connector service {3}${service.simulator.httpsUrl}$`, 'm'),
      /^ {2}state {13}active$/m,
      new RegExp(`^ {2}connector id {6}${known.id}$`, 'm'),
      /^ {2}enrolled {10}20\d\d-.+Z$/m,
      /^ {2}last contact {6}20\d\d-.+Z$/m,
      /^ {2}certificate ends {2}20\d\d-.+Z$/m,
      /^ {2}features {10}scep, revocation$/m,
      /^ {2}open-service\/revocation \d+ to carry out \(\d+ now\), \d+ to upload, \d+ to come again; (asked at 20\d\d-.+Z|nothing downloaded yet)$/m,
      /^ {2}pkcsImport {8}off$/m,
      /^ {2}support {11}unknown: no signed list of releases$/m,
    ])
      assert.match(out, line)
    const json = await run('status', '--json')
    assert.equal(JSON.parse(json.out).openService.connectorId, known.id)
  })

  test('drain: no more work is lent; --end takes it again; nobody leaves while a connector runs', async () => {
    const { chainPem } = await enrolDevice({
      url: `http://127.0.0.1:${ports[0]}/scep/static`,
      subject: 'CN=wiped',
      challenge: new Secret('shared-by-all-devices'),
      key: 'rsa2048',
    })
    ;({ serialNumber } = new X509Certificate(chainPem))
    const drained = await run('drain')
    assert.equal(drained.code, 0, drained.err)
    const [known] = await listKnown()
    assert.equal(known?.paused, true)
    const refused = await run('leave')
    assert.equal(refused.code, 1)
    assert.match(refused.err, /store\/conflict/)
    await queueRevocations(1)
    serve.child.kill('SIGTERM')
    assert.equal(await serve.ended, 0)
    const [item] = await service.itemsOf('revocation')
    assert.equal(item?.attempt, 0)
    assert.equal((await run('drain', '--end')).code, 0)
    assert.equal((await listKnown())[0]?.paused, false)
  })

  test('paused and told to stop it finishes what it began, gives back the rest, ends with 0; nothing is lost', async () => {
    await queueRevocations(ITEMS)
    serve = startCommand(['serve'], { cwd: service.folder })
    await service.waitUntil('a journal with work', hasReceived)
    const [known] = await listKnown()
    await service.control('PATCH', `connectors/${known?.id}`, { paused: true })
    serve.child.kill('SIGTERM')
    assert.equal(await serve.ended, 0)
    await assertAdminOnce(join(service.folder, 'data/logs'))
    const items = await service.itemsOf('revocation')
    assert.equal(items.length, ITEMS + 1)
    for (const { state, passedOver, results } of items) {
      assert.deepEqual(
        results.map(({ outcome }) => outcome),
        state === 'succeeded' ? ['recorded'] : [],
      )
      // Given back, and not only waiting for the end of its lease.
      if (state !== 'succeeded') assert.deepEqual([state, passedOver], ['queued', [known?.id]])
    }
    assert.ok(items.some(({ state }) => state === 'queued'))
  })

  test('leave ends the enrolment, and its keys are gone', async () => {
    const [known] = await listKnown()
    const left = await run('leave')
    assert.equal(left.code, 0, left.err)
    assert.equal(left.out, `connector ${known?.id} is no more\n`)
    assert.deepEqual(await listKnown(), [])
    assert.ok(!existsSync(join(service.folder, 'data/open-service')))
    for (const command of ['leave', 'drain']) {
      const again = await run(command)
      assert.equal(again.code, 1)
      assert.match(again.err, /is not enrolled/)
    }
    const none = await run('status')
    assert.equal(none.code, 1, 'nothing is wrong with the usage')
    assert.match(none.err, /no connector answers/)
  })
})
