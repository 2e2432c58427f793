import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { enrolDevice } from '../../src/cli/enrolment-client/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { type ProgramArguments, runOrThrow } from './run-program.ts'
import type { Stage } from './stage.ts'
import type { Story } from './stories.ts'

const NDES_PATH = '/certsrv/mscep/mscep.dll'

/**
 * What needs no SCEP client. There is no enrolment here: `openssl cms -sign` cannot add SCEP's signed attributes. The
 * CSR that openssl makes travels with scepclient.
 */
export const opensslAndCurlStories: readonly Story[] = [
  {
    client: 'openssl and curl',
    claim: 'GetCACaps is bare text/plain with one keyword a line, no blank line',
    async play(stage) {
      for (const base of [stage.scepUrl('static'), `${stage.tap.url}${NDES_PATH}`]) {
        const folder = stage.makeFolder('curl')
        const type = await fetchFile(`${base}?operation=GetCACaps`, join(folder, 'caps'))
        assert.equal(type, 'text/plain')
        assert.equal(
          readFileSync(join(folder, 'caps'), 'latin1'),
          'Renewal\nSHA-1\nSHA-256\nSHA-512\nAES\nDES3\nSCEPStandard\nPOSTPKIOperation\n',
        )
      }
      return undefined
    },
  },
  {
    client: 'openssl and curl',
    claim: 'GetCACert at both URLs is PKCS #7 with RA, issuing CA and root, a chain that verifies',
    async play(stage) {
      const folder = stage.makeFolder('curl')
      for (const base of [stage.scepUrl('static'), `${stage.tap.url}${NDES_PATH}`]) {
        const file = join(folder, 'ca.p7')
        const type = await fetchFile(`${base}?operation=GetCACert&message=0`, file)
        assert.equal(type, 'application/x-x509-ca-ra-cert')
        const printed = await runOrThrow('openssl', [
          ['pkcs7', '-inform', 'DER', '-in', file, '-print_certs'],
        ])
        const { ra, issuing, root } = stage.files
        assert.deepEqual(
          printed.toString('utf8').match(/-----BEGIN[^]*?-----END CERTIFICATE-----/g),
          [ra, issuing, root].map((exported) => readFileSync(exported, 'utf8').trim()),
        )
      }
      await verify(stage, [stage.files.ra])
      return undefined
    },
  },
  {
    client: 'openssl and curl',
    claim: 'CRL and CA certificate load from the addresses in a certificate; -crl_check accepts it',
    async play(stage) {
      const folder = stage.makeFolder('curl')
      const device = await enrolDevice({
        url: stage.scepUrl('static'),
        subject: 'CN=crl-reader',
        challenge: new Secret('secret'),
      })
      const pem = new X509Certificate(device.certificate.der).toString()
      const certificate = stage.write('curl/device.pem', pem)
      const text = (
        await runOrThrow('openssl', ['x509', '-in', certificate, '-noout', '-text'])
      ).toString('utf8')
      const crl = join(folder, 'ca.crl')
      const issuer = join(folder, 'issuer.cer')
      await fetchFile(/URI:(\S+\.crl)/.exec(text)?.[1] ?? '', crl)
      await fetchFile(/URI:(\S+\.cer)/.exec(text)?.[1] ?? '', issuer)
      assert.deepEqual(
        new X509Certificate(readFileSync(issuer)).raw,
        new X509Certificate(readFileSync(stage.files.issuing)).raw,
      )
      await verify(stage, ['-crl_check', '-CRLfile', crl, certificate])
      return undefined
    },
  },
]

/** Loads a URL into a file with curl. Gives the Content-Type as it stands in the answer; any status but 200 rejects. */
async function fetchFile(url: string, file: string): Promise<string> {
  const args = ['--silent', '--show-error', '--noproxy', '*', '--output', file]
  const written = await runOrThrow('curl', [
    ...args,
    '--write-out',
    '%{http_code} %{content_type}',
    url,
  ])
  const [status, ...type] = written.toString('utf8').split(' ')
  assert.equal(status, '200', url)
  return type.join(' ')
}

async function verify(stage: Stage, args: ProgramArguments): Promise<void> {
  const { root, issuing } = stage.files
  await runOrThrow('openssl', ['verify', '-CAfile', root, '-untrusted', issuing, ...args])
}
