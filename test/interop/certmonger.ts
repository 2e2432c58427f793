import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CertmongerDaemon, startCertmonger } from './certmonger-daemon.ts'
import { checkEnrolment, checkRefusal } from './check-enrolment.ts'
import { scepSubmit } from './find-clients.ts'
import { type ProgramArguments, type ProgramEnd, runOrThrow } from './run-program.ts'
import type { Stage, StageProfile } from './stage.ts'
import type { Story } from './stories.ts'

/** certmonger: the daemon makes key, CSR and message, and its helper `scep-submit` carries them, always by GET. */
export const certmongerStories: readonly Story[] = [
  {
    client: 'certmonger',
    claim: '`scep-submit` reads the capabilities and RA, issuing and root certificate',
    async play(stage) {
      const url = ['-u', stage.scepUrl('static')]
      const capabilities = (await runOrThrow(scepSubmit, [...url, '-c'])).toString('utf8')
      assert.deepEqual(capabilities.trim().split('\n'), [
        'Renewal',
        'SHA-1',
        'SHA-256',
        'SHA-512',
        'AES',
        'DES3',
        'SCEPStandard',
        'POSTPKIOperation',
      ])
      const printed = (await runOrThrow(scepSubmit, [...url, '-C'])).toString('utf8')
      const found = printed.match(/-----BEGIN CERT[^]*?-----END CERTIFICATE-----/g) ?? []
      const { ra, issuing, root } = stage.files
      // The helper's own order: RA, top of the chain, what lies between.
      const wanted = [ra, root, issuing].map((file) => fingerprintOf(readFileSync(file)))
      assert.deepEqual(
        found.map((pem) => fingerprintOf(pem)),
        wanted,
      )
      return undefined
    },
  },
  {
    client: 'certmonger',
    claim: '`getcert request` enrols by GET',
    async play(stage) {
      return await withDaemon(stage, 'static', async (daemon, certificate) => {
        await stage.begin()
        await enrol(daemon, certificate)
        return await checkEnrolment(stage, certificate, { messageType: 'PKCSReq' })
      })
    },
  },
  {
    client: 'certmonger',
    claim: '`getcert rekey` gets a certificate for a new key',
    async play(stage) {
      return await withDaemon(stage, 'static', async (daemon, certificate) => {
        await enrol(daemon, certificate)
        const old = new X509Certificate(readFileSync(certificate))
        await stage.begin()
        succeeds(await daemon.getcert('rekey', '-f', certificate, ...WAIT))
        const next = new X509Certificate(readFileSync(certificate))
        assert.ok(!next.publicKey.equals(old.publicKey), 'the key is new')
        // Signed with the old key, and yet its messageType is that of a first request.
        const request = await checkEnrolment(stage, certificate, { messageType: 'PKCSReq' })
        assert.ok(request.signer.publicKey.equals(old.publicKey), 'the old key signs')
        return request
      })
    },
  },
  {
    client: 'certmonger',
    claim: '`getcert resubmit` gets a new certificate for the same key',
    async play(stage) {
      return await withDaemon(stage, 'static', async (daemon, certificate) => {
        await enrol(daemon, certificate)
        const old = new X509Certificate(readFileSync(certificate))
        await stage.begin()
        succeeds(await daemon.getcert('resubmit', '-f', certificate, ...WAIT))
        const next = new X509Certificate(readFileSync(certificate))
        assert.notEqual(next.serialNumber, old.serialNumber)
        assert.ok(next.publicKey.equals(old.publicKey), 'the key is the old one')
        return await checkEnrolment(stage, certificate, { messageType: 'PKCSReq' })
      })
    },
  },
  {
    client: 'certmonger',
    claim: 'takes a FAILURE without content (RFC 8894) for an unreachable CA; nothing is issued',
    async play(stage) {
      return await withDaemon(stage, 'static', async (daemon, certificate) => {
        await stage.begin()
        await daemon.getcert('request', ...optionsFor(certificate, 'wrong'))
        assert.match(await list(daemon), /status: CA_UNREACHABLE/)
        return await checkRefusal(stage, [4003, 4005])
      })
    },
  },
  {
    client: 'certmonger',
    claim: 'reports a wrong challenge as CA_REJECTED (`ndesEmptyContent: true`); nothing is issued',
    async play(stage) {
      return await withDaemon(stage, 'ndes-content', async (daemon, certificate) => {
        await stage.begin()
        await daemon.getcert('request', ...optionsFor(certificate, 'wrong'))
        assert.match(await list(daemon), /status: CA_REJECTED/)
        return await checkRefusal(stage, [4003, 4005])
      })
    },
  },
]

const WAIT = ['-w', '--wait-timeout', '40'] as const

async function withDaemon<Result>(
  stage: Stage,
  profile: StageProfile,
  play: (daemon: CertmongerDaemon, certificate: string) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(stage.folder, 'certmonger-'))
  const daemon = await startCertmonger(folder)
  try {
    succeeds(await daemon.getcert('add-scep-ca', '-c', 'interop', '-u', stage.scepUrl(profile)))
    return await play(daemon, join(folder, 'device.pem'))
  } finally {
    await daemon.stop()
  }
}

async function enrol(daemon: CertmongerDaemon, certificate: string): Promise<void> {
  succeeds(await daemon.getcert('request', ...optionsFor(certificate, 'secret')))
}

async function list(daemon: CertmongerDaemon): Promise<string> {
  return (await daemon.getcert('list')).stdout.toString('utf8')
}

function optionsFor(certificate: string, challenge: string): ProgramArguments {
  return [
    ['-c', 'interop', '-f', certificate, '-k', `${certificate}.key`, '-g', '2048'],
    ['-N', 'CN=server-4,OU=Servers,O=Contoso,C=CH', '-D', 'server-4.contoso.example'],
    ['-E', 'root@server-4.contoso.example', '-A', '192.0.2.4', '-L', challenge, ...WAIT],
  ]
}

function succeeds(end: ProgramEnd): void {
  assert.equal(end.status, 0, end.stdout.toString('utf8') + end.stderr)
}

function fingerprintOf(certificate: string | Buffer): string {
  return new X509Certificate(certificate).fingerprint256
}
