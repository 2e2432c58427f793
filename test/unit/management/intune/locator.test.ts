import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConnectorError, Secret } from '../../../../src/kernel/index.ts'
import { createServiceMapFile } from '../../../../src/management/index.ts'
import { createRetries } from '../../../../src/management/intune/retry-policy.ts'
import { createServiceLocator } from '../../../../src/management/intune/service-locator.ts'
import { parseOptions } from '../../../../src/management/intune/settings.ts'
import { CLIENT_ID, PROVIDER, patient, TENANT } from './fixture.ts'

const settings = parseOptions({
  tenant: TENANT,
  clientId: CLIENT_ID,
  credential: { secret: new Secret('s') },
  provider: PROVIDER,
})
const SCEP = 'https://fef.msuc02.manage.microsoft.com/scep'
const PKI = 'https://fef.msuc02.manage.microsoft.com/pki'

test('check 42: a service absent from a cached map costs one rediscovery, then it is not found', async () => {
  const lists = [{ scep: SCEP }, { scep: SCEP }, { scep: SCEP, pki: PKI }]
  let asked = 0
  const locator = createServiceLocator(
    settings,
    async () => await Promise.resolve(new Map(Object.entries(lists[asked++] ?? {}))),
    patient,
  )
  assert.equal((await locator.find('SCEP', patient)).uri, SCEP)
  await assert.rejects(locator.find('pki', patient), { code: 'management/misconfigured' })
  assert.equal(asked, 2)
  assert.equal((await locator.find('pki', patient)).uri, PKI)
  assert.equal(asked, 3)
})

test('dropping an old location does not forget a newer discovery', async () => {
  let asked = 0
  const locator = createServiceLocator(
    settings,
    async () => {
      asked += 1
      return await Promise.resolve(new Map([['scep', SCEP]]))
    },
    patient,
  )
  const old = await locator.find('scep', patient)
  locator.drop(old)
  await locator.find('scep', patient)
  locator.drop(old)
  await locator.find('scep', patient)
  assert.equal(asked, 2)
})

test('a service map file gives back the last text, nothing before the first, and leaves no rest', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'service-map-'))
  try {
    const file = createServiceMapFile(join(folder, 'services.json'))
    assert.equal(await file.load(), undefined)
    await file.save('one')
    await file.save('two')
    assert.equal(await file.load(), 'two')
    assert.deepEqual(await readdir(folder), ['services.json'])
    await assert.rejects(createServiceMapFile(join(folder, 'no', 'such')).save('x'))
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('whoever is stopped during a pause hears the failure before it', async () => {
  const stop = new AbortController()
  const run = createRetries({
    ...settings,
    pause: async (_ms, signal) => {
      stop.abort()
      signal.throwIfAborted()
      await Promise.resolve()
    },
  })
  const failure = new ConnectorError('management/unavailable', 'busy', {
    isTransient: true,
    httpStatus: 503,
  })
  await assert.rejects(
    run(() => Promise.reject(failure), stop.signal),
    failure,
  )
})

test('what no time heals is not repeated', async () => {
  for (const code of [
    'management/unauthorized',
    'management/bad-response',
    'internal/bug',
  ] as const) {
    let runs = 0
    const run = createRetries({ ...settings, pause: () => Promise.resolve() })
    const work = (): Promise<never> => {
      runs += 1
      return Promise.reject(new ConnectorError(code, 'no'))
    }
    await assert.rejects(run(work, patient), { code })
    assert.equal(runs, 1)
  }
})
