import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkEnrolment, checkRefusal } from './check-enrolment.ts'
import { openTappedMessage } from './open-tapped-message.ts'
import { type ProgramEnd, runOrThrow, runProgram } from './run-program.ts'
import type { Stage, StageProfile } from './stage.ts'
import type { Story } from './stories.ts'

/**
 * micromdm's client, as Debian's package `scep` brings it. It encrypts with DES whatever the capabilities say, to every
 * certificate of GetCACert, and renews by itself where a certificate lies beside the key.
 */
export const scepclientStories: readonly Story[] = [
  {
    client: 'scepclient',
    claim: 'enrols with DES, encrypting to every CA certificate',
    async play(stage) {
      await stage.begin()
      const folder = stage.makeFolder('scepclient-first')
      succeeds(await run(stage, 'legacy', folder))
      const request = await checkEnrolment(stage, join(folder, 'cert.pem'), {
        messageType: 'PKCSReq',
      })
      assert.equal(request.cipher, 'des-cbc')
      return request
    },
  },
  {
    client: 'scepclient',
    claim: 'carries a CSR of `openssl req`: UTF-8 names, six alternative names, key usages',
    async play(stage) {
      await stage.begin()
      const folder = stage.makeFolder('scepclient-openssl')
      await createOpensslRequest(stage, folder)
      succeeds(await run(stage, 'legacy', folder))
      const request = await checkEnrolment(stage, join(folder, 'cert.pem'), {
        messageType: 'PKCSReq',
      })
      const made = await runOrThrow('openssl', [
        ['req', '-in', join(folder, 'csr.pem'), '-outform', 'DER'],
      ])
      assert.deepEqual(request.csrDer, made, 'the CSR on the wire is the one that openssl made')
      return request
    },
  },
  {
    client: 'scepclient',
    claim: 'renews with RenewalReq and the same key',
    async play(stage) {
      const folder = stage.makeFolder('scepclient-renewal')
      succeeds(await run(stage, 'legacy', folder))
      const old = readFileSync(join(folder, 'cert.pem'), 'utf8')
      await stage.begin()
      succeeds(await run(stage, 'legacy', folder))
      assert.notEqual(readFileSync(join(folder, 'cert.pem'), 'utf8'), old)
      const request = await checkEnrolment(stage, join(folder, 'cert.pem'), {
        messageType: 'RenewalReq',
      })
      assert.deepEqual(request.signer.raw, new X509Certificate(old).raw, 'the old one signs')
      return request
    },
  },
  {
    client: 'scepclient',
    claim:
      'is PENDING, sends the same request again, and has its certificate after `certconnector approve`',
    async play(stage) {
      await stage.begin()
      const folder = stage.makeFolder('scepclient-pending')
      const enrolling = run(stage, 'manual-legacy', folder, 'none')
      const id = await findWaiting(stage, 'manual-legacy')
      assert.match(await stage.command('approve', id), /^approved/)
      succeeds(await enrolling)
      const { root, issuing } = stage.files
      const certificate = join(folder, 'cert.pem')
      await runOrThrow('openssl', [['verify', '-CAfile', root, '-untrusted', issuing], certificate])
      const sent = stage.tap.take()
      assert.equal(sent.length, 2)
      assert.deepEqual(sent[1]?.messageDer, sent[0]?.messageDer, 'the same octets again')
      return await openTappedMessage(
        stage,
        sent[1] ?? { method: 'POST', messageDer: Buffer.alloc(0) },
      )
    },
  },
  {
    client: 'scepclient',
    claim: 'reports a wrong challenge as badRequest; nothing is issued',
    async play(stage) {
      await stage.begin()
      const end = await run(stage, 'legacy', stage.makeFolder('scepclient-refused'), 'wrong')
      assert.notEqual(end.status, 0)
      assert.match(textOf(end), /failInfo: badRequest \(2\)/)
      return await checkRefusal(stage, [4003, 4005])
    },
  },
  {
    client: 'scepclient',
    claim: 'is refused with badAlg where the profile does not allow DES',
    async play(stage) {
      await stage.begin()
      const end = await run(stage, 'static', stage.makeFolder('scepclient-des'))
      assert.notEqual(end.status, 0)
      assert.match(textOf(end), /failInfo: badAlg \(0\)/)
      return await checkRefusal(stage, [4003])
    },
  },
]

/** Waits until a request of the profile waits; its id. */
async function findWaiting(stage: Stage, profile: StageProfile): Promise<string> {
  for (const until = Date.now() + 30_000; Date.now() < until; ) {
    const listed = await stage.command('requests')
    const [, id] =
      new RegExp(String.raw`^(\S+) {2}waiting .*\n {4}profile ${profile} `, 'm').exec(listed) ?? []
    if (id !== undefined) return id
  }
  throw new Error('no request waits after 30 seconds')
}

async function run(
  stage: Stage,
  profile: StageProfile,
  folder: string,
  challenge = 'secret',
): Promise<ProgramEnd> {
  return await runProgram('scepclient', [
    ['-server-url', stage.scepUrl(profile), '-challenge', challenge],
    ['-private-key', join(folder, 'key.pem'), '-certificate', join(folder, 'cert.pem')],
    ['-cn', 'laptop-17', '-organization', 'Contoso', '-ou', 'Laptops', '-country', 'CH'],
  ])
}

/** The client takes a key and a `csr.pem` that lie in its folder. */
async function createOpensslRequest(stage: Stage, folder: string): Promise<void> {
  const config = stage.write('openssl-request.cnf', opensslRequest)
  const key = join(folder, 'key.pem')
  await runOrThrow('openssl', ['genrsa', '-traditional', '-out', key, '2048'])
  await runOrThrow('openssl', [
    ['req', '-new', '-utf8', '-key', key, '-config', config],
    ['-out', join(folder, 'csr.pem')],
  ])
}

const opensslRequest = `[req]
prompt = no
distinguished_name = name
attributes = attributes
req_extensions = extensions
string_mask = utf8only
[name]
C = CH
O = Contoso
0.OU = Zürich
1.OU = Größe, "quoted" + plus
CN = openssl made
[attributes]
challengePassword = secret
[extensions]
subjectAltName = DNS:a.example,email:a@example.org,URI:urn:example:1,IP:192.0.2.7,IP:2001:db8::7,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:user@contoso.example
extendedKeyUsage = clientAuth
keyUsage = critical,digitalSignature
`

function succeeds(end: ProgramEnd): void {
  assert.equal(end.status, 0, textOf(end))
}

function textOf(end: ProgramEnd): string {
  return end.stdout.toString('utf8') + end.stderr
}
