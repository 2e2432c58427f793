import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { listAt, pick, type Reply, textAt, WireClient } from './wire-client.ts'

let wire: WireClient

beforeEach(async () => {
  wire = await WireClient.start()
})
afterEach(async () => {
  await wire[Symbol.asyncDispose]()
})

async function queue(serialNumber: string, more: object = {}): Promise<string> {
  const { json } = await wire.control('POST', 'revocations', { serialNumber, ...more })
  return textAt(json, 'requestContext')
}

async function download(maxRequests = 500, issuerName: string | null = null): Promise<Reply> {
  const downloadParameters = { issuerName, maxRequests }
  const suffix = 'CertificateAuthorityRequests/downloadRevocationRequests'
  return await wire.postIntune(suffix, { downloadParameters })
}

async function serials(...args: Parameters<typeof download>): Promise<string[]> {
  return listAt((await download(...args)).json, 'value').map((one) => textAt(one, 'serialNumber'))
}

async function upload(...results: object[]): Promise<Reply> {
  return await wire.postIntune('CertificateAuthorityRequests/uploadRevocationResults', { results })
}

async function states(): Promise<string[]> {
  return (await wire.list('revocations')).map((entry) => textAt(entry, 'state'))
}

describe('check 65: download', () => {
  test('shows the members of the wire and a context that comes back in the upload', async () => {
    const requestContext = await queue('0A', { issuerName: 'CN=I', caConfiguration: 'ca/1' })
    const { json } = await download()
    assert.deepEqual(pick(json, 'value'), [
      { requestContext, serialNumber: '0A', issuerName: 'CN=I', caConfiguration: 'ca/1' },
    ])
  })

  test('the same request is offered again after 60 minutes of its clock, not before', async () => {
    await queue('0A')
    assert.deepEqual(await serials(), ['0A'])
    assert.deepEqual(await serials(), [])
    await wire.control('POST', 'clock', { advanceMinutes: 59 })
    assert.deepEqual(await serials(), [])
    await wire.control('POST', 'clock', { advanceMinutes: 1 })
    assert.deepEqual(await serials(), ['0A'])
  })

  test('maxRequests hands out the oldest first; the rest follows at the next call', async () => {
    for (const serial of ['01', '02', '03']) await queue(serial)
    assert.deepEqual(await serials(2), ['01', '02'])
    assert.deepEqual(await serials(2), ['03'])
  })

  for (const max of [0, 501, 1.5]) {
    test(`maxRequests ${max} is 400`, async () => {
      assert.equal((await download(max)).status, 400)
    })
  }

  test('the filter compares with caConfiguration, after maxRequests', async () => {
    await queue('01', { issuerName: 'CN=A', caConfiguration: 'ca/a' })
    await queue('02', { issuerName: 'CN=B', caConfiguration: 'ca/b' })
    assert.deepEqual(await serials(500, 'CN=B'), [])
    assert.deepEqual(await serials(1, 'ca/b'), [])
    assert.deepEqual(await serials(2, 'ca/b'), ['02'])
    assert.deepEqual(await serials(1, ''), ['01'])
  })

  test('as documented, it compares with the issuer, before maxRequests', async () => {
    await wire.control('PUT', 'behaviour', { downloadFilter: 'as-documented' })
    await queue('01', { issuerName: 'CN=A', caConfiguration: 'ca/a' })
    await queue('02', { issuerName: 'CN=B', caConfiguration: 'ca/b' })
    assert.deepEqual(await serials(1, 'CN=B'), ['02'])
  })

  test('requests of another tenant are not offered', async () => {
    await queue('01', { tenantId: 'bbbbbbbb-0000-4000-8000-000000000001' })
    assert.deepEqual(await serials(), [])
  })

  test('the api-version of the SCEP actions is 400', async () => {
    const suffix = 'CertificateAuthorityRequests/downloadRevocationRequests'
    const headers = { 'api-version': '2018-02-20' }
    const body = { downloadParameters: { maxRequests: 1, issuerName: null } }
    assert.equal((await wire.postIntune(suffix, body, headers)).status, 400)
  })
})

describe('check 66: upload', () => {
  test('the recorded results of the Java library consume both requests', async () => {
    const first = await queue('01')
    const second = await queue('02')
    const { json } = await upload(
      { requestContext: first, errorCode: '0', succeeded: true },
      { requestContext: second, errorMessage: 'nf', errorCode: '4004', succeeded: false },
    )
    assert.equal(pick(json, 'value'), true)
    assert.deepEqual(await states(), ['succeeded', 'failed'])
    const [, failed] = await wire.list('revocations')
    const [result] = listAt(failed, 'results')
    assert.equal(pick(result, 'errorName'), 'CertificateNotFoundError')
    assert.equal(pick(result, 'errorMessage'), 'nf')
  })

  test('the PascalCase of the C# library is read', async () => {
    const RequestContext = await queue('01')
    await upload({ RequestContext, Succeeded: true, ErrorCode: 'None', ErrorMessage: null })
    assert.deepEqual(await states(), ['succeeded'])
  })

  for (const errorCode of ['ConflictError', 'conflicterror', '4005', 4005]) {
    test(`errorCode ${JSON.stringify(errorCode)} is ConflictError`, async () => {
      const requestContext = await queue('01')
      await upload({ requestContext, succeeded: false, errorCode })
      const [entry] = await wire.list('revocations')
      assert.equal(pick(listAt(entry, 'results')[0], 'errorCode'), 4005)
    })
  }

  for (const errorCode of [4100, 4101, 4102, 4103]) {
    test(`${errorCode} is retryable: the request comes again after the cool-down`, async () => {
      const requestContext = await queue('01')
      await download()
      await upload({ requestContext, succeeded: false, errorCode })
      assert.deepEqual(await serials(), [])
      await wire.control('POST', 'clock', { advanceMinutes: 60 })
      assert.deepEqual(await serials(), ['01'])
    })
  }

  for (const [title, result] of [
    ['a success', { succeeded: true, errorCode: 'None' }],
    ['a final failure', { succeeded: false, errorCode: 'CryptographyError' }],
  ] as const) {
    test(`${title} consumes the request for good`, async () => {
      const requestContext = await queue('01')
      await download()
      await upload({ requestContext, ...result })
      await wire.control('POST', 'clock', { advanceMinutes: 600 })
      assert.deepEqual(await serials(), [])
    })
  }

  test('an unknown context is ignored', async () => {
    const { json } = await upload({ requestContext: 'x', succeeded: true, errorCode: 'None' })
    assert.equal(pick(json, 'value'), true)
  })

  test('an unknown errorCode is 400 and changes nothing, nor do its neighbours', async () => {
    const requestContext = await queue('01')
    const { status } = await upload(
      { requestContext, succeeded: true, errorCode: 'None' },
      { requestContext, succeeded: false, errorCode: 'Nonsense' },
    )
    assert.equal(status, 400)
    assert.deepEqual(await states(), ['pending'])
  })

  test('no results are 400', async () => {
    assert.equal((await upload()).status, 400)
  })

  for (const [uploadAnswer, expected] of [
    [false, false],
    ['true', 'true'],
    ['test', 'test'],
    ['absent', undefined],
  ] as const) {
    test(`the answer can be switched to ${uploadAnswer}`, async () => {
      await wire.control('PUT', 'behaviour', { uploadAnswer })
      const { json } = await upload({ requestContext: 'x', succeeded: true, errorCode: 'None' })
      assert.equal(pick(json, 'value'), expected)
    })
  }
})
