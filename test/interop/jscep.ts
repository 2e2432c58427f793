import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkEnrolment, checkRefusal } from './check-enrolment.ts'
import { runJscep } from './jscep-driver.ts'
import { runOrThrow } from './run-program.ts'
import type { Stage, StageProfile } from './stage.ts'
import type { Story } from './stories.ts'

/**
 * jscep, which is what Intune's Android client is made of, driven by a small program of ours. It trusts only the CA
 * certificate that it is given, verifies the RA's signatures against it, and does not take a senderNonce twice.
 */
export const jscepStories: readonly Story[] = [
  {
    client: 'jscep',
    claim: 'reads the capabilities and chooses SHA-512, AES and POST',
    async play(stage) {
      const device = openDevice(stage, 'capabilities')
      const found = (await device.run('capabilities', 'static')).split('\n')
      for (const choice of ['digest SHA-512', 'cipher AES', 'post true'])
        assert.ok(found.includes(choice), found.join(', '))
      return undefined
    },
  },
  {
    client: 'jscep',
    claim: 'reads GetCACert and finds the RA, its issuer and the root',
    async play(stage) {
      const device = openDevice(stage, 'ca')
      assert.equal(await device.run('ca', 'static'), 'SUCCESS')
      const { ra, issuing, root } = stage.files
      const wanted = [ra, issuing, root].map((file) => fingerprintOf(readFileSync(file)))
      const found = [0, 1, 2].map((number) => fingerprintOf(device.read(`ca-${number}.pem`)))
      assert.deepEqual(found.toSorted(), wanted.toSorted())
      return undefined
    },
  },
  enrols('enrols by POST', 'static', 'POST'),
  enrols('enrols by GET where POSTPKIOperation is not offered', 'get-only', 'GET'),
  {
    client: 'jscep',
    claim: 'enrols with a challenge of Intune, and Intune is told',
    async play(stage) {
      const device = openDevice(stage, 'intune')
      const challenge = await stage.connector.challenge()
      await stage.begin()
      assert.equal(await device.run('enrol', 'default', challenge), 'SUCCESS')
      return await checkEnrolment(stage, device.certificate, {
        messageType: 'PKCSReq',
        isIntune: true,
      })
    },
  },
  {
    client: 'jscep',
    claim: 'is PENDING, polls, and has its certificate after `certconnector approve`',
    async play(stage) {
      const device = openDevice(stage, 'approved')
      const id = await enrolWaiting(stage, device)
      assert.match(await stage.command('approve', id), /^approved/)
      assert.equal(await device.run('poll', 'manual'), 'SUCCESS')
      await verify(stage, [device.certificate])
      const key = await runOrThrow('openssl', ['pkey', '-in', device.key, '-pubout'])
      const certified = new X509Certificate(readFileSync(device.certificate)).publicKey
      assert.equal(certified.export({ type: 'spki', format: 'pem' }), key.toString())
      return undefined
    },
  },
  {
    client: 'jscep',
    claim: 'is PENDING, polls, and gets badRequest after `certconnector deny`',
    async play(stage) {
      const device = openDevice(stage, 'denied')
      const id = await enrolWaiting(stage, device)
      assert.match(await stage.command('deny', id), /^denied/)
      assert.equal(await device.run('poll', 'manual'), 'badRequest')
      return undefined
    },
  },
  {
    client: 'jscep',
    claim: 'renews with a new key, the challenge and a PKCSReq that its old certificate signs',
    async play(stage) {
      const first = openDevice(stage, 'renewal-old')
      assert.equal(await first.run('enrol', 'static', 'secret'), 'SUCCESS')
      await stage.begin()
      const next = openDevice(stage, 'renewal-new')
      assert.equal(await next.run('renew', 'static', 'secret', first.folder), 'SUCCESS')
      const request = await checkEnrolment(stage, next.certificate, { messageType: 'PKCSReq' })
      const old = new X509Certificate(readFileSync(first.certificate))
      assert.deepEqual(request.signer.raw, old.raw, 'the old certificate signs')
      return request
    },
  },
  {
    client: 'jscep',
    claim: 'gets the CRL by GetCRL; openssl verifies it under the CA',
    async play(stage) {
      const device = openDevice(stage, 'crl')
      assert.equal(await device.run('enrol', 'static', 'secret'), 'SUCCESS')
      assert.equal(await device.run('crl', 'static'), 'SUCCESS')
      const crl = join(device.folder, 'fetched.crl')
      const verified = await runOrThrow('sh', [
        '-c',
        'openssl crl -inform DER -in "$0" -CAfile "$1" -noout 2>&1',
        crl,
        stage.files.issuing,
      ])
      assert.match(verified.toString(), /verify OK/)
      await verify(stage, ['-crl_check', '-CRLfile', crl, device.certificate])
      return undefined
    },
  },
  {
    client: 'jscep',
    claim: 'gets its own certificate by GetCert',
    async play(stage) {
      const device = openDevice(stage, 'certificate')
      assert.equal(await device.run('enrol', 'static', 'secret'), 'SUCCESS')
      assert.equal(await device.run('certificate', 'static'), 'SUCCESS')
      assert.equal(
        fingerprintOf(device.read('fetched-0.pem')),
        fingerprintOf(device.read('new.pem')),
      )
      return undefined
    },
  },
  {
    client: 'jscep',
    claim: 'reports a wrong challenge as badRequest; nothing is issued',
    async play(stage) {
      const device = openDevice(stage, 'refused')
      await stage.begin()
      assert.equal(await device.run('enrol', 'static', 'wrong'), 'badRequest')
      return await checkRefusal(stage, [4003, 4005])
    },
  },
  {
    client: 'jscep',
    claim:
      'gets the next CA by GetNextCACert after `certconnector ca roll`, signed by the RA it holds',
    async play(stage) {
      const device = openDevice(stage, 'next')
      await stage.command('ca', 'roll')
      await stage.restart()
      assert.equal(await device.run('next', 'static'), 'SUCCESS')
      const found = [0, 1, 2, 3, 4].map((number) =>
        fingerprintOf(device.read(`next-${number}.pem`)),
      )
      for (const which of ['issuing', 'ra', 'root']) {
        const next = await stage.command('ca', 'export', which, '--next')
        assert.ok(found.includes(fingerprintOf(Buffer.from(next))), which)
      }
      await stage.command('ca', 'roll', '--cancel')
      await stage.restart()
      return undefined
    },
  },
  // It changes the CA of the stage, so that it comes last.
  {
    client: 'jscep',
    claim: 'renews after the hand-over with its certificate of the old CA; both chains verify',
    async play(stage) {
      const old = openDevice(stage, 'hand-over-old')
      assert.equal(await old.run('enrol', 'static', 'secret'), 'SUCCESS')
      await stage.command('ca', 'roll', '--after', '0m')
      await stage.restart()
      const issuing = stage.write(
        'issuing-after.pem',
        await stage.command('ca', 'export', 'issuing'),
      )
      const renewed = openDevice(stage, 'hand-over-new', issuing)
      await stage.begin()
      assert.equal(await renewed.run('renew', 'static', 'secret', old.folder), 'SUCCESS')
      await verify(stage, [old.certificate])
      const { root } = stage.files
      await runOrThrow('openssl', [
        ['verify', '-CAfile', root, '-untrusted', issuing],
        renewed.certificate,
      ])
      const issuerOf = (file: string) => new X509Certificate(readFileSync(file)).issuer
      assert.notEqual(issuerOf(renewed.certificate), issuerOf(old.certificate))
      return undefined
    },
  },
]

interface Device {
  readonly folder: string
  readonly key: string
  readonly certificate: string
  run(operation: string, profile: StageProfile, ...words: readonly string[]): Promise<string>
  read(name: string): Buffer
}

/** @param trusted PEM: the issuing CA that it knows */
function openDevice(stage: Stage, name: string, trusted = stage.files.issuing): Device {
  const folder = stage.makeFolder(`jscep-${name}`)
  return {
    folder,
    key: join(folder, 'new.key'),
    certificate: join(folder, 'new.pem'),
    run: async (operation, profile, ...words) =>
      await runJscep(operation, [stage.scepUrl(profile), folder, trusted, ...words]),
    read: (file) => readFileSync(join(folder, file)),
  }
}

function enrols(claim: string, profile: StageProfile, method: 'GET' | 'POST'): Story {
  return {
    client: 'jscep',
    claim,
    async play(stage) {
      const device = openDevice(stage, `enrols-${method}`)
      await stage.begin()
      assert.equal(await device.run('enrol', profile, 'secret'), 'SUCCESS')
      const request = await checkEnrolment(stage, device.certificate, { messageType: 'PKCSReq' })
      assert.equal(request.method, method)
      return request
    },
  }
}

/** Begins an enrolment that waits, and polls once; its id in `certconnector requests`. */
async function enrolWaiting(stage: Stage, device: Device): Promise<string> {
  assert.equal(await device.run('enrol', 'manual', 'none'), 'PENDING')
  assert.equal(await device.run('poll', 'manual'), 'PENDING')
  const transaction = device.read('transaction').toString()
  const listed = await stage.command('requests')
  const at = listed.indexOf(`transaction ${transaction}`)
  const id = /^(\S+) {2}waiting [^\n]*\n[^\n]*$/m.exec(listed.slice(0, at))?.[1]
  assert.ok(at > 0 && id !== undefined, listed)
  return id
}

async function verify(stage: Stage, args: readonly string[]): Promise<void> {
  const { root, issuing } = stage.files
  await runOrThrow('openssl', ['verify', '-CAfile', root, '-untrusted', issuing, ...args])
}

function fingerprintOf(pem: Uint8Array): string {
  return new X509Certificate(pem).fingerprint256
}
