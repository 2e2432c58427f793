import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkEnrolment, checkRefusal } from './check-enrolment.ts'
import { type ProgramEnd, runOrThrow, runProgram } from './run-program.ts'
import type { Stage, StageProfile } from './stage.ts'
import type { Story } from './stories.ts'

/** One run of `pki --scep`. */
interface Enrolment {
  readonly profile: StageProfile
  readonly folder: string
  /** Base name of the new key and certificate. */
  readonly name: string
  /** Default that of the static profiles; empty for none. */
  readonly challenge?: string
  /** Base name of the key and certificate to renew. */
  readonly renews?: string
  readonly options?: readonly string[]
}

const CHALLENGE = 'secret'
const SUBJECT = 'C=CH, O=Contoso, OU=Gateways, CN=moon'
const SANS = ['moon.contoso.example', 'moon@contoso.example', '192.0.2.10']

/**
 * strongSwan 5.9.8 reads capability lists with wrong bit masks: it takes AES only from a server that also lists SHA-384.
 * Hence `--cipher des3`, and a profile with that word for AES. It also insists on rsaEncryption in replies (REQ-164).
 */
export const strongswanStories: readonly Story[] = [
  {
    client: 'strongSwan pki',
    claim: 'reads RA and CA certificates (`--scepca`) as `ca export` prints them',
    async play(stage) {
      const folder = stage.makeFolder('strongswan-ca')
      const url = stage.scepUrl('static')
      const out = ['--caout', join(folder, 'ca.pem'), '--raout', join(folder, 'ra.pem')]
      await runOrThrow('pki', ['--scepca', '--url', url, ...out, '--outform', 'pem'])
      // It names what it finds ca.pem, ca-1.pem, … with the root first.
      assert.equal(readPem(join(folder, 'ca.pem')), readPem(stage.files.root))
      assert.equal(readPem(join(folder, 'ca-1.pem')), readPem(stage.files.issuing))
      assert.equal(readPem(join(folder, 'ra.pem')), readPem(stage.files.ra))
      return undefined
    },
  },
  enrols('enrols with 3DES', { profile: 'static', options: ['--cipher', 'des3'] }),
  enrols('enrols with AES where the profile also lists SHA-384', {
    profile: 'sha384',
    options: ['--cipher', 'aes'],
  }),
  enrols('enrols with a SHA-512 signature', {
    profile: 'static',
    options: ['--cipher', 'des3', '--digest', 'sha512'],
  }),
  enrols('enrols with an RSASSA-PSS signature', {
    profile: 'static',
    options: ['--cipher', 'des3', '--rsa-padding', 'pss'],
  }),
  enrols('enrols where POSTPKIOperation is not offered', {
    profile: 'get-only',
    options: ['--cipher', 'des3'],
  }),
  {
    client: 'strongSwan pki',
    claim: 'enrols with a challenge of Intune, and Intune is told',
    async play(stage) {
      await stage.begin()
      const folder = stage.makeFolder('strongswan-intune')
      const challenge = await stage.connector.challenge()
      const run: Enrolment = { profile: 'default', folder, name: 'new', challenge, options: DES3 }
      succeeds(await enrol(stage, run))
      return await checkEnrolment(stage, join(folder, 'new.pem'), {
        messageType: 'PKCSReq',
        isIntune: true,
      })
    },
  },
  {
    client: 'strongSwan pki',
    claim: 'renews with RenewalReq, a new key and the challenge',
    async play(stage) {
      const folder = stage.makeFolder('strongswan-renewal')
      const first: Enrolment = { profile: 'static', folder, name: 'old', options: DES3 }
      succeeds(await enrol(stage, first))
      await stage.begin()
      succeeds(await enrol(stage, { ...first, name: 'new', renews: 'old' }))
      const request = await checkEnrolment(stage, join(folder, 'new.pem'), {
        messageType: 'RenewalReq',
      })
      const old = new X509Certificate(readFileSync(join(folder, 'old.pem')))
      assert.deepEqual(request.signer.raw, old.raw, 'the old certificate signs')
      return request
    },
  },
  {
    client: 'strongSwan pki',
    claim: 'renews nothing with an old certificate alone: badRequest without the challenge',
    async play(stage) {
      const folder = stage.makeFolder('strongswan-certificate-only')
      const first: Enrolment = { profile: 'static', folder, name: 'old', options: DES3 }
      succeeds(await enrol(stage, first))
      await stage.begin()
      const end = await enrol(stage, { ...first, name: 'new', renews: 'old', challenge: '' })
      assert.equal(end.status, 1)
      assert.match(end.stderr, /failInfo:\s+badRequest/)
      return await checkRefusal(stage, [4003, 4005])
    },
  },
  {
    client: 'strongSwan pki',
    claim:
      'polls until `certconnector approve`, over a restart of the connector, and has its certificate',
    async play(stage) {
      const folder = stage.makeFolder('strongswan-approved')
      const { polling, id } = await enrolWaiting(stage, folder)
      await stage.restart()
      assert.match(await stage.command('approve', id), /^approved/)
      succeeds(await polling)
      const leaf = join(folder, 'new.pem')
      const chain = ['-CAfile', stage.files.root, '-untrusted', stage.files.issuing]
      await runOrThrow('openssl', ['verify', ...chain, leaf])
      const { subject, publicKey } = new X509Certificate(readFileSync(leaf))
      assert.match(subject, /CN=moon/)
      const key = createPrivateKey(readFileSync(join(folder, 'new.key')))
      assert.ok(createPublicKey(key).equals(publicKey), 'it certifies the key of the client')
      return undefined
    },
  },
  {
    client: 'strongSwan pki',
    claim: 'polls until `certconnector deny`, over a restart of the connector, and gets badRequest',
    async play(stage) {
      const folder = stage.makeFolder('strongswan-denied')
      const { polling, id } = await enrolWaiting(stage, folder)
      await stage.restart()
      assert.match(await stage.command('deny', id, '--reason', 'not ours'), /^denied/)
      const end = await polling
      assert.equal(end.status, 1)
      assert.match(end.stderr, /failInfo:\s+badRequest/)
      return undefined
    },
  },
  {
    client: 'strongSwan pki',
    claim: 'reports a wrong challenge as badRequest; nothing is issued',
    async play(stage) {
      await stage.begin()
      const folder = stage.makeFolder('strongswan-refused')
      const run: Enrolment = { profile: 'static', folder, name: 'new', options: DES3 }
      const end = await enrol(stage, { ...run, challenge: 'not-the-secret' })
      assert.equal(end.status, 1)
      assert.match(end.stderr, /failInfo:\s+badRequest/)
      return await checkRefusal(stage, [4003, 4005])
    },
  },
]

const DES3 = ['--cipher', 'des3']

function enrols(claim: string, how: Pick<Enrolment, 'profile' | 'options'>): Story {
  return {
    client: 'strongSwan pki',
    claim,
    async play(stage) {
      await stage.begin()
      const folder = stage.makeFolder(`strongswan-${claim.replaceAll(/\W+/g, '-')}`)
      succeeds(await enrol(stage, { ...how, folder, name: 'new' }))
      return await checkEnrolment(stage, join(folder, 'new.pem'), { messageType: 'PKCSReq' })
    },
  }
}

/** Begins an enrolment that waits for an approval; resolves when it is on record and strongSwan has polled once. */
async function enrolWaiting(
  stage: Stage,
  folder: string,
): Promise<{ polling: Promise<ProgramEnd>; id: string }> {
  const options = [...DES3, '--interval', '4', '--maxpolltime', '60']
  const polling = enrol(stage, {
    profile: 'manual',
    folder,
    name: 'new',
    challenge: 'none',
    options,
  })
  for (const until = Date.now() + 30_000; Date.now() < until; ) {
    const [, id, transactionId] =
      /^(\S+) {2}waiting .*\n.*transaction (\S+)/m.exec(await stage.command('requests')) ?? []
    const received = await stage.connector.events({ id: 4003, transactionId: transactionId ?? '?' })
    if (id !== undefined && received.length > 1) return { polling, id }
  }
  throw new Error('strongSwan did not poll within 30 seconds')
}

async function enrol(stage: Stage, run: Enrolment): Promise<ProgramEnd> {
  const { profile, folder, name, challenge = CHALLENGE, renews, options = [] } = run
  const key = join(folder, `${name}.key`)
  await runOrThrow('openssl', ['genrsa', '-out', key, '2048'])
  const end = await runProgram('pki', [
    ['--scep', '--url', stage.scepUrl(profile), '--in', key, '--dn', SUBJECT],
    ...SANS.map((san) => ['--san', san]),
    challenge === '' ? [] : ['--password', challenge],
    ['--outform', 'pem', ...options],
    ['--cacert-enc', stage.files.ra, '--cacert-sig', stage.files.root],
    ['--cacert', stage.files.issuing],
    renews === undefined
      ? []
      : ['--cert', join(folder, `${renews}.pem`), '--key', join(folder, `${renews}.key`)],
  ])
  stage.write(join(folder, `${name}.pem`).slice(stage.folder.length + 1), end.stdout)
  return end
}

/** Its complaints about plug-ins that it could load are many; what went wrong stands at the end. */
function succeeds(end: ProgramEnd): void {
  assert.equal(end.status, 0, end.stderr.split('\n').slice(-6).join('\n'))
}

function readPem(file: string): string {
  return readFileSync(file, 'utf8').trim()
}
