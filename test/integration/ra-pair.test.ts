import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { enrolDevice } from '../../src/cli/enrolment-client/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import {
  findExtension,
  OID,
  parseCertificate,
  parseCertificates,
  parseKeyUsage,
} from '../../src/pki/index.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'

describe('a CA with a pair of RA certificates', () => {
  let running: TestConnector
  before(async () => {
    running = await startTestConnector(
      (configuration) => ({
        ...configuration,
        ca: configuration.ca.map((ca) => ({
          ...ca,
          rootKey: 'p256' as const,
          issuingKey: 'p256' as const,
          ra: { ...ca.ra, pair: true },
        })),
        profiles: configuration.profiles.map((profile) => ({
          ...profile,
          scep: { ...profile.scep, includeSignerChain: true },
        })),
      }),
      mkdtempSync(join(tmpdir(), 'ra-pair-')),
    )
  })
  after(() => running.remove())

  const usagesOf = (der: Uint8Array) => {
    const { extensions } = parseCertificate(der)
    const usage = findExtension(extensions, OID.keyUsage)
    return usage === undefined ? '' : parseKeyUsage(usage.valueDer).join()
  }

  test('REQ-36, REQ-39: GetCACert tells the one to encrypt to, the one that signs, the issuing CA, the root', async () => {
    const answer = await fetch(`${running.scepUrl('static')}?operation=GetCACert`)
    assert.deepEqual(parseCertificates(new Uint8Array(await answer.arrayBuffer())).map(usagesOf), [
      'keyEncipherment',
      'digitalSignature',
      'keyCertSign,cRLSign',
      'keyCertSign,cRLSign',
    ])
  })

  test('REQ-39, REQ-170: a device encrypts to one and gets an answer signed by the other, with its chain', async () => {
    let replyDer = new Uint8Array()
    const device = await enrolDevice({
      url: running.scepUrl('static'),
      subject: 'CN=to-a-pair',
      challenge: new Secret('secret'),
      fetch: async (url, init) => {
        const answer = await fetch(url, init)
        if (url.includes('PKIOperation'))
          replyDer = new Uint8Array(await answer.clone().arrayBuffer())
        return answer
      },
    })
    assert.equal(device.certificate.subject, 'CN=to-a-pair')
    assert.deepEqual(parseCertificates(replyDer).map(usagesOf), [
      'digitalSignature',
      'keyCertSign,cRLSign',
      'keyCertSign,cRLSign',
    ])
  })
})
