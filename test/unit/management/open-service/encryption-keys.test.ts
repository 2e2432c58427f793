import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startSimulator } from '../../../../src/simulator/index.ts'
import { openServiceClient } from '../../../support/open-service-client.ts'

test('the file of an encryption key is opened once, however many copies are opened with it', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'encryption-keys-'))
  const simulator = await startSimulator({ dataDir, httpsPort: 0, controlPort: 0 })
  const { memory } = openServiceClient(simulator)
  const asked: string[] = []
  const client = openServiceClient(
    simulator,
    {
      keys: {
        async find(name) {
          asked.push(name)
          return memory.keys.get(name)
        },
        save: async () => assert.fail('it has its keys'),
      },
    },
    memory,
  )
  try {
    const first = openServiceClient(simulator, {}, memory)
    await first.keepEnrolled(AbortSignal.timeout(10_000))
    await first.close()
    await client.restore()
    asked.length = 0
    const [one] = await client.loadEncryptionIdentities()
    const [again] = await client.loadEncryptionIdentities()
    assert.ok(one !== undefined && one.key === again?.key)
    assert.deepEqual(asked, ['encryption-1.key'])
  } finally {
    await client.close()
    await simulator.close()
    await rm(dataDir, { recursive: true })
  }
})
