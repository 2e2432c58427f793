import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createPayloadCipher, createSafekeeping } from '../../src/connector/index.ts'
import { createJournal } from '../../src/events/index.ts'
import { ConnectorError, Secret, systemClock } from '../../src/kernel/index.ts'
import {
  type CertificateRegister,
  loadDataKey,
  openSpool,
  openStore,
} from '../../src/store/index.ts'
import { runCommand } from './command-run.ts'

const passphrase = 'a passphrase of this test'
const transactionId = 'spooled-transaction'
const notificationId = '0f0e0d0c-0b0a-4908-8706-050403020100'

/** Writes what a connector saves when its store refuses: a refusal with the failure that Intune is owed. */
async function spoolOne(dataDir: string): Promise<void> {
  const refuses = async (): Promise<never> => {
    throw new ConnectorError('store/unavailable', 'disk full', { isTransient: true })
  }
  const cipher = createPayloadCipher(loadDataKey(join(dataDir, 'data.key'), new Secret(passphrase)))
  const certificates: Pick<CertificateRegister, 'refuse'> = { refuse: refuses }
  const identity = { connectorId: 'x', connectorName: 'x', connectorVersion: 'x', machineName: 'x' }
  const journal = createJournal({ identity, sinks: [], clock: systemClock })
  const at = new Date()
  const keptIn = await createSafekeeping({
    certificates: certificates as CertificateRegister,
    spool: openSpool(join(dataDir, 'spool')),
    cipher,
    journal,
    clock: systemClock,
  }).keepRefusal(
    {
      at,
      requestKey: undefined,
      profile: 'default',
      transactionId,
      subject: 'CN=spooled',
      code: 'ca/unavailable',
      reason: 'the CA was away',
    },
    {
      id: notificationId,
      kind: 'failure',
      profile: 'default',
      transactionId,
      requestId: undefined,
      serialHex: '',
      thumbprintHex: '',
      payload: cipher.seal(Buffer.from('a notification')),
      createdAt: at,
      dueAt: at,
    },
    journal,
  )
  assert.equal(keptIn, 'spool')
}

describe('spool, while no connector runs', () => {
  let cwd = ''
  let dataDir = ''
  before(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'spool-command-'))
    dataDir = join(cwd, 'data')
    mkdirSync(dataDir)
    writeFileSync(join(dataDir, 'passphrase'), `${passphrase}\n`, { mode: 0o600 })
    const store = await openStore({ kind: 'sqlite', file: join(dataDir, 'connector.db') })
    await store.close()
    await spoolOne(dataDir)
  })
  after(() => rmSync(cwd, { recursive: true, force: true }))

  test('list shows what waits, and nothing of its content', async () => {
    const { code, out, err } = await runCommand(['spool', 'list'], { cwd })
    assert.equal(code, 0)
    assert.match(out, /^[0-9a-f-]{36} {2}\d{4}-\S+Z {2}\d+ octets\n$/)
    assert.equal(err, '1 waiting\n')
  })

  test('replay brings it into the store and records it; once more does nothing', async () => {
    const first = await runCommand(['spool', 'replay'], { cwd })
    assert.equal(first.code, 0, first.err)
    assert.equal(first.out, '1 replayed, 0 left\n')
    assert.deepEqual(readdirSync(join(dataDir, 'spool')), [])
    const owed = await runCommand(['outbox', 'list'], { cwd })
    assert.match(owed.out, new RegExp(`^${notificationId}  due .* transaction ${transactionId}`))
    const recorded = await runCommand(['events', '--transaction', transactionId], { cwd })
    assert.match(recorded.out, / 0070 SpoolReplayed /)
    const again = await runCommand(['spool', 'replay'], { cwd })
    assert.equal(again.out, '0 replayed, 0 left\n')
  })

  test('what does not open with the data key stays, and replay ends with 1', async () => {
    await spoolOne(dataDir)
    rmSync(join(dataDir, 'data.key'))
    const { code, out, err } = await runCommand(['spool', 'replay'], { cwd })
    assert.equal(code, 1)
    assert.equal(out, '0 replayed, 1 left\n')
    assert.match(err, /events --id 72/)
    assert.equal(readdirSync(join(dataDir, 'spool')).length, 1)
  })

  test('in a folder without a store, commands make none and say so', async () => {
    const empty = join(cwd, 'empty')
    mkdirSync(empty)
    for (const words of [['spool', 'replay'], ['outbox', 'list'], ['backup', 'x.db'], ['events']]) {
      const { code, err } = await runCommand(words, { cwd: empty })
      assert.equal(code, 1, words.join(' '))
      assert.match(err, /store\/unavailable: .*(connector\.db|logs) does not exist/)
    }
    assert.deepEqual(readdirSync(empty), [])
  })
})
