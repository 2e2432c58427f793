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
