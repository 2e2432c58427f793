import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, suite, test } from 'node:test'
import { enrolDevice } from '../../src/cli/enrolment-client/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { runCommand } from '../cli/command-run.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'
import { createOpensslFolder, opensslIsMissing } from '../support/scep-messages/index.ts'

const skip = opensslIsMissing()

suite('a certificate is revoked beside a connector that runs', { skip }, () => {
  const folder = createOpensslFolder()
  let running: TestConnector
  before(async () => {
    running = await startTestConnector((configuration) => ({
      ...configuration,
      ca: configuration.ca.map((ca) => ({ ...ca, crl: { ...ca.crl, debounceSeconds: 0 } })),
    }))
  })
  after(async () => {
    folder.close()
    await running.remove()
  })

  async function enrol(commonName: string) {
    return await enrolDevice({
      url: running.scepUrl('static'),
      subject: `CN=${commonName}`,
      challenge: new Secret('secret'),
      key: 'rsa2048',
    })
  }

  const revoke = async (...words: readonly string[]) =>
    await runCommand(['--data-dir', running.dataDir, 'revoke', ...words], { cwd: running.dataDir })

  /** Waits for a CRL with another number than this one that says so, and gives it to openssl. */
  async function crlAfter(
    number: string,
    says = (_text: string): boolean => true,
  ): Promise<{ file: string; number: string; text: string }> {
    for (const until = Date.now() + 15_000; Date.now() < until; ) {
      const answer = await fetch(`${running.connector.deviceUrl}/crl/default.crl`)
      if (answer.ok) {
        const der = folder.put('crl.der', Buffer.from(await answer.arrayBuffer()))
        const text = folder.run('crl', '-inform', 'DER', '-in', der, '-text', '-noout')
        const found = /X509v3 CRL Number:\s*(\d+)/.exec(text)?.[1] ?? ''
        const file = folder.path('crl.pem')
        folder.run('crl', '-inform', 'DER', '-in', der, '-out', file)
        if (found !== number && says(text)) return { file, number: found, text }
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error(`no CRL after number ${number} within 15 seconds`)
  }

  function verify(leafPem: string, chainPem: string, crlFile: string): string {
    writeFileSync(folder.path('leaf.pem'), leafPem)
    writeFileSync(folder.path('chain.pem'), chainPem)
    try {
      return folder.run(
        'verify',
        '-crl_check',
        '-partial_chain',
        '-CRLfile',
        crlFile,
        '-CAfile',
        folder.path('chain.pem'),
        folder.path('leaf.pem'),
      )
    } catch (error) {
      return String((error as { stderr?: unknown }).stderr ?? error)
    }
  }

  test('openssl agrees: good, revoked with the reason, and others stay good', async () => {
    const device = await enrol('to-be-revoked')
    const other = await enrol('to-stay')
    const [leafPem = '', ...chain] = device.chainPem.split(/(?=-----BEGIN)/)
    const chainPem = chain.join('')
    const before = await crlAfter('')
    assert.match(verify(leafPem, chainPem, before.file), /: OK/)

    const command = await revoke(device.sha1Hex, '--reason', 'keyCompromise')
    assert.equal(command.code, 0, command.err)
    assert.match(
      command.out,
      /^revoked [0-9A-F]+ of CA default \(CN=to-be-revoked\) as keyCompromise/,
    )

    const after = await crlAfter(before.number)
    assert.match(after.text, /Key Compromise/)
    assert.match(verify(leafPem, chainPem, after.file), /certificate revoked/)
    const [otherPem = ''] = other.chainPem.split(/(?=-----BEGIN)/)
    assert.match(verify(otherPem, chainPem, after.file), /: OK/)

    const again = await revoke(device.sha1Hex, '--reason', 'superseded')
    assert.match(again.out, /was revoked before, .*as keyCompromise; that stays/)
  })

  test('a hold is lifted: the certificate is good again', async () => {
    const device = await enrol('on-hold')
    const [leafPem = '', ...chain] = device.chainPem.split(/(?=-----BEGIN)/)
    const before = await crlAfter('')
    assert.equal((await revoke(device.sha1Hex, '--reason', 'certificateHold')).code, 0)
    // The command of the test before may bring about a CRL of its own, which knows nothing of this.
    const held = await crlAfter(before.number, (text) => text.includes('Certificate Hold'))
    assert.match(verify(leafPem, chain.join(''), held.file), /certificate revoked/)
    const released = await revoke(device.sha1Hex, '--release')
    assert.match(released.out, /good again/)
    const after = await crlAfter(held.number, (text) => !text.includes('Certificate Hold'))
    assert.match(verify(leafPem, chain.join(''), after.file), /: OK/)
    assert.equal((await revoke(device.sha1Hex, '--release')).code, 1)
  })

  test('what is unknown or no number is said, and nothing happens', async () => {
    const unknown = await revoke('4F00FF')
    assert.equal(unknown.code, 1)
    assert.match(unknown.err, /no certificate 4F00FF is on record/)
    const senseless = await revoke('hello')
    assert.notEqual(senseless.code, 0)
    assert.match(senseless.err, /neither a serial number nor a thumbprint/)
  })
})
