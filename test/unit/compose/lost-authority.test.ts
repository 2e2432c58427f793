import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { loadAuthorities } from '../../../src/compose/authorities.ts'
import { type Configuration, demonstrationConfiguration } from '../../../src/config/index.ts'
import { Secret, systemClock } from '../../../src/kernel/index.ts'
import type { CrlRegister } from '../../../src/store/index.ts'
import { assertFailsWith } from '../../support/assert-fails-with.ts'

const passphrase = new Secret('a passphrase of this test')

describe('a CA whose folder is gone', () => {
  let configuration: Configuration
  let directory: string
  beforeEach(() => {
    const demonstration = demonstrationConfiguration(mkdtempSync(join(tmpdir(), 'lost-ca-')))
    const [settings] = demonstration.ca
    assert.ok(settings)
    const ca = [{ ...settings, rootKey: 'p256' as const, issuingKey: 'p256' as const }]
    configuration = { ...demonstration, ca }
    directory = join(configuration.dataDir, 'ca', settings.id)
  })
  afterEach(() => rmSync(configuration.dataDir, { recursive: true }))

  function takenNumbers(takenNumber: number): Pick<CrlRegister, 'status'> {
    return {
      status: async () => ({ takenNumber, outdatedSince: undefined, published: undefined }),
    }
  }

  test('is not made anew where it is on record: the start fails and says what to restore', async () => {
    const { message } = await assertFailsWith(
      loadAuthorities(configuration, passphrase, systemClock, takenNumbers(7)),
      'ca/misconfigured',
    )
    assert.match(message, new RegExp(`^${directory} holds no CA.*restore the folder.*ca init$`))
    assert.equal(existsSync(directory), false)
  })

  test('is made at a first start, and loaded at the next', async () => {
    const first = await loadAuthorities(configuration, passphrase, systemClock, takenNumbers(0))
    const next = await loadAuthorities(configuration, passphrase, systemClock, takenNumbers(7))
    assert.deepEqual(
      [first, next].map((authorities) => authorities.get('default')?.isNew),
      [true, false],
    )
  })
})
