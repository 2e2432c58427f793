import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createAuthority, isCrlDue } from '../../src/ca/index.ts'
import {
  findExtension,
  OID,
  parseElement,
  parseSmallInteger,
  readExtensions,
} from '../../src/pki/index.ts'
import { openStore } from '../../src/store/index.ts'
import { runProgram } from '../interop/run-program.ts'
import { makeDirectory } from '../support/sqlite-stores.ts'

/** Where a publication is killed, in its order. */
const steps = ['number taken', 'signed', 'being written', 'published'] as const

const HOUR_MS = 3_600_000
const publisher = join(import.meta.dirname, '../crash/publish-crl.ts')

/** cRLNumber of a TBSCertList. */
function numberOf(tbsHex: string): number {
  const tbs = parseElement(Buffer.from(tbsHex, 'hex'))
  const extensions = readExtensions(tbs.children.at(-1)?.children[0] ?? assert.fail())
  const found = findExtension(extensions, OID.cRLNumber) ?? assert.fail('no cRLNumber')
  return parseSmallInteger(parseElement(found.valueDer), 'cRLNumber')
}

test('no CRL number is used again, wherever a publication is killed, and the next one follows', async () => {
  const directory = await makeDirectory()
  try {
    const { issuing } = await createAuthority({
      names: { name: 'Killed CA' },
      rootKey: 'p256',
      issuingKey: 'p256',
      now: new Date(),
      random: randomBytes,
    })
    writeFileSync(join(directory.path, 'issuing.der'), issuing.certificateDer)
    const pem = issuing.key.export({ format: 'pem', type: 'pkcs8' })
    writeFileSync(join(directory.path, 'issuing.pem'), pem, { mode: 0o600 })
    const run = async (...words: string[]) =>
      (await runProgram(process.execPath, [publisher, directory.path, ...words])).status
    const inspect = async () => {
      const store = await openStore({ kind: 'sqlite', file: join(directory.path, 'connector.db') })
      try {
        const status = await store.crls.status('main')
        const later = new Date(Date.now() + HOUR_MS)
        const rules = { everyMs: 24 * HOUR_MS, debounceMs: 0, shards: 2, hasDelta: false }
        const parts = [undefined, '0', '1']
        const crls = await Promise.all(
          parts.map(async (part) => await store.crls.current('main', part)),
        )
        return { status, isDue: isCrlDue(status, later, rules), crls }
      } finally {
        await store.close()
      }
    }
    assert.equal(await run(), 0)
    let published = 1
    for (const step of steps) {
      assert.equal(await run(step), -1, `${step}: was not killed`)
      const { status, isDue, crls } = await inspect()
      const now = status.published?.number ?? 0
      const isPublished = now === status.takenNumber
      assert.ok(now === published || isPublished, `${step}: ${now} after ${published}`)
      assert.equal(isDue, !isPublished, `${step}: a cut publication is made up for`)
      for (const crl of crls)
        assert.equal(crl?.number, now, `${step}: all parts are of one publication`)
      if (step === 'published') assert.ok(isPublished)
      if (step === 'number taken' || step === 'signed') assert.ok(!isPublished)
      published = now
    }
    assert.equal(await run(), 0)
    const { status } = await inspect()
    assert.equal(status.published?.number, steps.length + 2)

    // By process, each of which made one publication, in the order of their lives.
    const numbers = new Map<string, Set<number>>()
    for (const line of readFileSync(join(directory.path, 'signed'), 'utf8').trim().split('\n')) {
      const [pid = '', tbsHex = ''] = line.split(' ')
      numbers.set(pid, (numbers.get(pid) ?? new Set()).add(numberOf(tbsHex)))
    }
    const used = [...numbers.values()].flatMap((own) => [...own])
    assert.equal(used.length, numbers.size, 'one number a publication')
    assert.ok(numbers.size >= 4, 'kills came before anything was signed')
    assert.ok(
      used.every((number, index) => index === 0 || number > (used[index - 1] ?? 0)),
      `numbers that were signed, in order: ${used.join(', ')}`,
    )
  } finally {
    await directory.remove()
  }
})
