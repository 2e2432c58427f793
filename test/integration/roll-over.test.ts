import assert from 'node:assert/strict'
import { randomBytes, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { fromBER } from 'asn1js'
import { Certificate, ContentInfo, SignedData } from 'pkijs'
import { rollAuthority } from '../../src/ca/index.ts'
import {
  type EnrolledDevice,
  type Enrolment,
  enrolDevice,
} from '../../src/cli/enrolment-client/index.ts'
import type { Configuration } from '../../src/config/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { parseCertificate, parseCertificates } from '../../src/pki/index.ts'
import { runCommand } from '../cli/command-run.ts'
import { runProgram } from '../interop/run-program.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'
import { createOpensslFolder, opensslIsMissing, toPem } from '../support/scep-messages/index.ts'

const HOUR_MS = 3_600_000
const skip = opensslIsMissing()

suite('a CA is rolled over', { skip }, () => {
  const folder = createOpensslFolder()
  const keptLists: { now?: Uint8Array; next?: Uint8Array } = {}
  /** Hours before the time of the machine, at which openssl looks. */
  let hoursAgo = 6
  const clock = { now: () => new Date(Date.now() - hoursAgo * HOUR_MS) }
  let running: TestConnector
  let old: EnrolledDevice
  let early: EnrolledDevice
  let renewedBefore: EnrolledDevice
  let renewedAfter: EnrolledDevice

  before(async () => {
    running = await startTestConnector(adapt, undefined, clock)
    old = await enrol('CN=enrolled-before')
    keptLists.now = await get('GetCACert')
  })
  after(async () => {
    folder.close()
    await running.remove()
  })

  async function restart(): Promise<void> {
    const { dataDir } = running
    await running.stop()
    running = await startTestConnector(adapt, dataDir, clock)
  }

  async function ask(operation: string): Promise<Response> {
    return await fetch(`${running.scepUrl('static')}?operation=${operation}`)
  }

  async function get(operation: string): Promise<Uint8Array> {
    const answer = await ask(operation)
    assert.equal(answer.status, 200)
    return new Uint8Array(await answer.arrayBuffer())
  }

  async function enrol(subject: string, more: Partial<Enrolment> = {}): Promise<EnrolledDevice> {
    const secret = new Secret('secret')
    const url = running.scepUrl('static')
    return await enrolDevice({ url, subject, challenge: secret, now: () => clock.now(), ...more })
  }

  /** Enrols with a list of CA certificates that the device has kept instead of the one of now. */
  const enrolKnowing = async (kept: Uint8Array | undefined, subject: string) =>
    await enrol(subject, {
      fetch: async (url, init) =>
        url.includes('GetCACert')
          ? new Response(Buffer.from(kept ?? []), {
              headers: { 'content-type': 'application/x-x509-ca-ra-cert' },
            })
          : await fetch(url, init),
    })

  const renew = async (transactionId: string) =>
    await enrol('CN=enrolled-before', {
      keys: old.keys,
      renew: { certificateDer: old.certificate.der, privateKey: old.keys.privateKey },
      transactionId,
    })

  /** What openssl says of a device's certificate, with the CRL of its issuer, by the root alone. */
  async function verify({ chainPem }: EnrolledDevice, caId: string): Promise<string> {
    const [leaf = '', issuing = '', root = ''] = chainPem.split(/(?=-----BEGIN)/)
    const crl = folder.put('crl.der', await currentCrl(caId))
    folder.run('crl', '-inform', 'DER', '-in', crl, '-out', folder.path('crl.pem'))
    const end = await runProgram('openssl', [
      'verify',
      '-crl_check',
      '-CRLfile',
      folder.path('crl.pem'),
      '-CAfile',
      folder.put('root.pem', root),
      '-untrusted',
      folder.put('ca.pem', issuing),
      folder.put('leaf.pem', leaf),
    ])
    return `${end.stdout.toString()}${end.stderr}`
  }

  async function currentCrl(caId: string): Promise<Buffer> {
    for (const until = Date.now() + 15_000; Date.now() < until; ) {
      const answer = await fetch(`${running.connector.deviceUrl}/crl/${caId}.crl`)
      if (answer.ok) return Buffer.from(await answer.arrayBuffer())
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error(`no CRL of ${caId} within 15 seconds`)
  }

  async function askOcsp({ chainPem }: EnrolledDevice): Promise<string> {
    const [leaf = '', issuing = '', root = ''] = chainPem.split(/(?=-----BEGIN)/)
    const end = await runProgram('openssl', [
      'ocsp',
      '-issuer',
      folder.put('issuer.pem', issuing),
      '-cert',
      folder.put('device.pem', leaf),
      '-CAfile',
      folder.put('root.pem', root),
      '-verify_other',
      folder.path('issuer.pem'),
      '-no_nonce',
      '-validity_period',
      '86400',
      '-url',
      `${running.connector.deviceUrl}/ocsp`,
    ])
    return `${end.stdout.toString()}${end.stderr}`
  }

  const issuerOf = ({ certificate }: EnrolledDevice) =>
    new X509Certificate(certificate.der).issuer.replace(/^(?:.*\n)*CN=/, '')

  test('REQ-27, REQ-49: before, there is no next CA: 404, and GetCACaps does not name it', async () => {
    assert.equal((await ask('GetNextCACert')).status, 404)
    assert.doesNotMatch(await (await ask('GetCACaps')).text(), /GetNextCACert/)
  })

  test('REQ-27, REQ-50: once it is made, the next CA is published, and the one of now goes on', async () => {
    hoursAgo = 5
    const { dataDir } = running
    const passphrase = new Secret(readFileSync(join(dataDir, 'passphrase'), 'utf8'))
    await rollAuthority(join(dataDir, 'ca/default'), passphrase, {
      names: { name: 'Demonstration CA' },
      issuingKey: 'p256',
      now: clock.now(),
      random: randomBytes,
      handOverAt: new Date(Date.now() - 3 * HOUR_MS),
      hasNewRoot: false,
    })
    await restart()
    assert.match(await (await ask('GetCACaps')).text(), /^GetNextCACert$/m)
    const answer = await ask('GetNextCACert')
    assert.equal(answer.headers.get('content-type'), 'application/x-x509-next-ca-cert')
    assert.deepEqual(await get('GetCACert'), keptLists.now)
    const again = await get('GetNextCACert')
    assert.deepEqual(again, new Uint8Array(await answer.arrayBuffer()), 'signed once')
  })

  test('REQ-50, REQ-51: openssl verifies GetNextCACert by the root, and finds the next CA inside', async () => {
    const root = parseCertificates(keptLists.now ?? new Uint8Array()).at(-1)
    assert.ok(root)
    folder.put('next.der', await get('GetNextCACert'))
    folder.put('trusted.pem', toPem('CERTIFICATE', root))
    folder.run(
      'cms',
      '-verify',
      '-inform',
      'DER',
      '-in',
      folder.path('next.der'),
      '-binary',
      '-CAfile',
      folder.path('trusted.pem'),
      '-purpose',
      'any',
      '-out',
      folder.path('inner.der'),
    )
    keptLists.next = new Uint8Array(folder.get('inner.der'))
    const printed = folder.run(
      'pkcs7',
      '-inform',
      'DER',
      '-in',
      folder.path('inner.der'),
      '-print_certs',
      '-noout',
    )
    assert.deepEqual(
      [...printed.matchAll(/^subject=(?:.*\bCN ?= ?)(.*)$/gm)].map(([, name]) => name),
      ['Demonstration CA G2 RA', 'Demonstration CA G2', parseCertificate(root).subject.slice(3)],
    )
  })

  test('REQ-50, REQ-51: as jscep does it: signed by a certificate that GetCACert told, next CA among the outer certificates', async () => {
    const [ra = new Uint8Array()] = parseCertificates(keptLists.now ?? new Uint8Array())
    const body = await get('GetNextCACert')
    const { result } = fromBER(body)
    const signed = new SignedData({ schema: new ContentInfo({ schema: result }).content })
    // Only with the certificate that the client holds; what the message brings is not asked.
    signed.certificates = [new Certificate({ schema: fromBER(ra).result })]
    assert.equal(await signed.verify({ signer: 0, checkChain: false }), true)
    const told = parseCertificates(body).map((der) => parseCertificate(der).subject)
    assert.ok(told.includes('CN=Demonstration CA G2'), told.join())
  })

  test('REQ-52: what is encrypted to the next RA is answered by the next CA, all else by the one of now', async () => {
    early = await enrolKnowing(keptLists.next, 'CN=early')
    assert.equal(issuerOf(early), 'Demonstration CA G2')
    renewedBefore = await renew('renewal-before')
    assert.equal(issuerOf(renewedBefore), issuerOf(old))
  })

  test('on the date the next CA takes over by itself, and is told by GetCACert', async () => {
    hoursAgo = 0
    assert.deepEqual(await get('GetCACert'), keptLists.next)
    assert.equal((await ask('GetNextCACert')).status, 404)
    assert.doesNotMatch(await (await ask('GetCACaps')).text(), /GetNextCACert/)
  })

  test('a device enrolled under the old CA renews across the hand-over, and both chains verify', async () => {
    renewedAfter = await renew('renewal-after')
    assert.equal(issuerOf(renewedAfter), 'Demonstration CA G2')
    assert.match(await verify(old, 'default'), /: OK/)
    assert.match(await verify(early, 'default.2'), /: OK/)
    assert.match(await verify(renewedAfter, 'default.2'), /: OK/)
  })

  test('REQ-143: a request that was answered before gets its old certificate with the chain of the old CA', async () => {
    const replayed = await renew('renewal-before')
    assert.deepEqual(replayed.certificate.der, renewedBefore.certificate.der)
  })

  test('REQ-48: a device that knows the old RA alone is answered, by the new CA', async () => {
    const late = await enrolKnowing(keptLists.now, 'CN=late')
    assert.equal(issuerOf(late), 'Demonstration CA G2')
  })

  test('each generation has addresses of its own in its certificates, and its certificate is there', async () => {
    for (const [device, caId] of [
      [old, 'default'],
      [renewedAfter, 'default.2'],
    ] as const) {
      const { der } = device.certificate
      const text = Buffer.from(der).toString('latin1')
      assert.ok(text.includes(`/crl/${caId}.crl`), caId)
      assert.ok(text.includes(`/aia/${caId}.cer`), caId)
      const aia = await fetch(`${running.connector.deviceUrl}/aia/${caId}.cer`)
      const issuing = new X509Certificate(Buffer.from(await aia.arrayBuffer()))
      assert.ok(new X509Certificate(der).verify(issuing.publicKey), caId)
    }
    const unknown = await fetch(`${running.connector.deviceUrl}/crl/default.3.crl`)
    assert.equal(unknown.status, 404)
  })

  test('certificates of both are revoked by command; CRL and OCSP of each say so, also after a restart', async () => {
    assert.match(await askOcsp(old), /device\.pem: good/)
    assert.match(await askOcsp(renewedAfter), /device\.pem: good/)
    for (const [device, caId] of [
      [old, 'default'],
      [renewedAfter, 'default.2'],
    ] as const) {
      const command = ['--data-dir', running.dataDir, 'revoke', device.certificate.serialHex]
      const { code, out, err } = await runCommand(command, { cwd: running.dataDir })
      assert.equal(code, 0, err)
      assert.ok(out.includes(`of CA ${caId} `), out)
    }
    await restart()
    for (const [device, caId] of [
      [old, 'default'],
      [renewedAfter, 'default.2'],
    ] as const) {
      const printed = await waitForCrl(caId, device.certificate.serialHex)
      assert.ok(printed.includes(device.certificate.serialHex))
      assert.match(await verify(device, caId), /certificate revoked/)
      assert.match(await askOcsp(device), /device\.pem: revoked/)
    }
    assert.match(await verify(early, 'default.2'), /: OK/)
    assert.deepEqual(await get('GetCACert'), keptLists.next, 'still after a restart')
  })

  async function waitForCrl(caId: string, serialHex: string): Promise<string> {
    let printed = ''
    for (const until = Date.now() + 15_000; Date.now() < until; ) {
      const crl = folder.put('looked-at.der', await currentCrl(caId))
      printed = folder.run('crl', '-inform', 'DER', '-in', crl, '-noout', '-text')
      if (printed.includes(serialHex)) break
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return printed
  }
})

/** Answers go out at once, and replies bring the issuer, for devices that know another one. */
function adapt(configuration: Configuration): Configuration {
  return {
    ...configuration,
    ca: configuration.ca.map((ca) => ({
      ...ca,
      crl: { ...ca.crl, debounceSeconds: 0 },
      ocsp: { ...ca.ocsp, cacheSeconds: 0 },
    })),
    profiles: configuration.profiles.map((profile) => ({
      ...profile,
      scep: { ...profile.scep, replyChain: 'issuer' as const },
    })),
  }
}
