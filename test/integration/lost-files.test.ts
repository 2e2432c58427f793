import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertFailsWith } from '../support/assert-fails-with.ts'
import { startTestConnector } from '../support/running-connector.ts'

test('a connector that ran, and lost the folder of its CA, does not start with another CA of the same name', async () => {
  const first = await startTestConnector()
  await first.waitForEvents({ id: 26 }, (found) => found.length > 0)
  await first.stop()
  rmSync(join(first.dataDir, 'ca'), { recursive: true })
  await assertFailsWith(startTestConnector(undefined, first.dataDir), 'ca/misconfigured')
})

test('a connector that ran, and lost its data key, says so and goes on with another', async () => {
  const first = await startTestConnector()
  assert.deepEqual(await first.events({ id: 6 }), [])
  await first.stop()
  rmSync(join(first.dataDir, 'data.key'))
  const second = await startTestConnector(undefined, first.dataDir)
  try {
    assert.equal((await second.waitForEvents({ id: 6 }, (found) => found.length > 0)).length, 1)
  } finally {
    await second.remove()
  }
})
