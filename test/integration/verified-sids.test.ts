import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { enrolDevice, type RequestedName } from '../../src/cli/enrolment-client/index.ts'
import type { Configuration } from '../../src/config/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { findExtension, OID, parseCertificate, parseSidExtension } from '../../src/pki/index.ts'
import { assertFailsWith } from '../support/assert-fails-with.ts'
import { createInsistentDevice } from '../support/insistent-device.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'

const SID = 'S-1-5-21-1111111111-2222222222-3333333333-1001'
const DEVICE = '0f8fad5b-d9cb-469f-a165-70867728950e'
const MANAGED = '1f8fad5b-d9cb-469f-a165-70867728950e'

/** `default` verifies; `strict-sid` wants a SID as well. */
function withVerifiedSids(configuration: Configuration): Configuration {
  const { intune, profiles, ...same } = configuration
  const [first] = profiles
  assert.ok(first !== undefined && intune !== undefined)
  const verifying = { ...first, certificate: { ...first.certificate, sid: 'verified' as const } }
  return {
    ...same,
    intune: { ...intune, timeouts: { connectMs: 500, readMs: 500, budgetMs: 1000 } },
    profiles: [
      verifying,
      {
        ...verifying,
        name: 'strict-sid',
        certificate: { ...verifying.certificate, requireSid: true },
      },
    ],
  }
}

suite('SIDs are verified against the directory, over HTTP and the simulated Graph', () => {
  let running: TestConnector
  before(async () => {
    running = await startTestConnector(withVerifiedSids)
    await record({ userPrincipalName: 'ada@contoso.example', onPremisesSecurityIdentifier: SID })
    await record({ userPrincipalName: 'cloud@contoso.example', onPremisesSecurityIdentifier: null })
    await record({
      deviceId: DEVICE,
      managedDeviceId: MANAGED,
      onPremisesSecurityIdentifier: SID.replace('1001', '1002'),
    })
  })
  after(async () => await running.remove())

  async function record(entry: object): Promise<void> {
    await running.control('PUT', '/control/directory', entry)
  }

  async function enrol(
    subject: string,
    sans: readonly RequestedName[] = [],
    profile = 'default',
  ): Promise<string | undefined> {
    const { certificate } = await enrolDevice({
      url: running.scepUrl(profile),
      subject,
      sans,
      challenge: new Secret(await running.challenge({ subject })),
    })
    const { extensions } = parseCertificate(certificate.der)
    const extension = findExtension(extensions, OID.ntdsCaSecurity)
    assert.equal(extension?.critical ?? false, false)
    return extension === undefined ? undefined : parseSidExtension(extension.valueDer)
  }

  const upn = (value: string) => ({ kind: 'upn', value }) as const
  const uri = (value: string) => ({ kind: 'uri', value }) as const

  test('REQ-126, REQ-128: a user of the local directory gets the extension, beside the same URI too', async () => {
    assert.equal(await enrol('CN=Ada', [upn('Ada@contoso.example')]), SID)
    const names = [upn('ada@contoso.example'), uri(`tag:microsoft.com,2022-09-14:sid:${SID}`)]
    assert.equal(await enrol('CN=Ada', names), SID)
    const issued = await running.events({ id: 4006 })
    assert.deepEqual(
      issued.map(({ sidExtension }) => sidExtension),
      [true, true],
    )
  })

  test('REQ-127: a URI with the SID of somebody else is badRequest', async () => {
    const names = [
      upn('ada@contoso.example'),
      uri('tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-4444'),
    ]
    const refusal = await assertFailsWith(enrol('CN=Eve', names), 'scep/bad-request')
    assert.match(refusal.message, /not the one that the directory has/)
  })

  test('REQ-127: a user of the cloud only gets none, or nothing where the profile wants one', async () => {
    assert.equal(await enrol('CN=Cloud', [upn('cloud@contoso.example')]), undefined)
    await assertFailsWith(
      enrol('CN=Cloud', [upn('cloud@contoso.example')], 'strict-sid'),
      'scep/bad-request',
    )
    await assertFailsWith(enrol('CN=Nobody', [], 'strict-sid'), 'scep/bad-request')
  })

  test('REQ-127: devices by their id in Intune and in Entra ID', async () => {
    const sid = SID.replace('1001', '1002')
    assert.equal(await enrol('CN=laptop', [uri(`IntuneDeviceId://${MANAGED}`)]), sid)
    assert.equal(await enrol(`CN=${DEVICE}`), sid)
    assert.equal(await enrol(`CN=${MANAGED}`), sid)
  })

  test('REQ-127, REQ-150: while Graph is away the device waits, and gets its SID afterwards', async () => {
    await record({ userPrincipalName: 'late@contoso.example', onPremisesSecurityIdentifier: SID })
    const subject = 'CN=late@contoso.example'
    const url = running.scepUrl()
    const device = await createInsistentDevice(url, await running.challenge({ subject }), subject)
    await running.control('POST', '/control/faults', { hop: 'graph', fault: '503' })
    assert.equal((await device.send(url)).kind, 'pending')
    await running.control('DELETE', '/control/faults')
    const answer = await device.send(url)
    assert.equal(answer.kind, 'issued')
    const der = Buffer.from(answer.kind === 'issued' ? answer.certificateHex : '', 'hex')
    const extension = findExtension(parseCertificate(der).extensions, OID.ntdsCaSecurity)
    assert.equal(parseSidExtension(extension?.valueDer ?? der), SID)
  })
})
