import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import * as pkijs from 'pkijs'
import {
  type CrlContent,
  issueCertificate,
  issueCrl,
  prepareIssuer,
  type RevokedEntry,
} from '../../../src/ca/index.ts'
import { signWith } from '../../../src/pki/index.ts'
import {
  createCertificateOrder,
  createFolder,
  daysAfter,
  getQuickAuthority,
  materialOf,
  NOW,
  openssl,
  writePem,
} from './ca-fixtures.ts'

async function createCrl(revoked: readonly RevokedEntry[], more: Partial<CrlContent> = {}) {
  const { issuing } = await getQuickAuthority()
  const content = { number: 1, thisUpdate: NOW, nextUpdate: daysAfter(7), revoked, ...more }
  return issueCrl(content, issuing.certificateDer, async (tbs) => signWith(issuing.key, tbs))
}

function describeCrl(folder: string, der: Uint8Array): string {
  writeFileSync(join(folder, 'ca.crl'), der)
  return openssl(folder, 'crl', '-inform', 'der', '-in', 'ca.crl', '-noout', '-text')
}

describe('CRL', () => {
  test('openssl and pkijs verify it under the issuing CA', async () => {
    const { issuing, root } = await getQuickAuthority()
    const der = await createCrl([{ serialHex: '0102', at: NOW, reason: 1 }])
    using folder = createFolder()
    writeFileSync(join(folder.path, 'ca.crl'), der)
    writePem(folder.path, 'ca.pem', issuing.certificateDer, root.certificateDer)
    const check = ['crl', '-inform', 'der', '-in', 'ca.crl', '-noout', '-CAfile', 'ca.pem']
    openssl(folder.path, ...check)
    const read = pkijs.CertificateRevocationList.fromBER(der)
    const issuerCertificate = pkijs.Certificate.fromBER(issuing.certificateDer)
    assert.equal(await read.verify({ issuerCertificate }), true)
  })

  test('openssl refuses a revoked certificate and accepts another', async () => {
    const authority = await getQuickAuthority()
    const issuer = prepareIssuer(materialOf(authority))
    const [revoked, good] = [createCertificateOrder(), createCertificateOrder()]
    const der = await createCrl([{ serialHex: revoked.serialHex, at: NOW, reason: 4 }])
    using folder = createFolder()
    writeFileSync(join(folder.path, 'ca.crl'), der)
    openssl(folder.path, 'crl', '-inform', 'der', '-in', 'ca.crl', '-out', 'crl.pem')
    writePem(folder.path, 'root.pem', authority.root.certificateDer)
    writePem(folder.path, 'issuing.pem', authority.issuing.certificateDer)
    const verify = (name: string) =>
      openssl(
        folder.path,
        'verify',
        '-crl_check',
        '-attime',
        String(NOW.getTime() / 1000),
        '-CAfile',
        'root.pem',
        '-untrusted',
        'issuing.pem',
        '-CRLfile',
        'crl.pem',
        name,
      )
    writePem(folder.path, 'revoked.pem', issueCertificate(revoked, issuer))
    writePem(folder.path, 'good.pem', issueCertificate(good, issuer))
    assert.match(verify('good.pem'), /: OK/)
    assert.throws(() => verify('revoked.pem'), /certificate revoked/)
  })

  test('an empty CRL leaves the list out', async () => {
    const der = await createCrl([])
    assert.equal(pkijs.CertificateRevocationList.fromBER(der).revokedCertificates, undefined)
    using folder = createFolder()
    assert.match(describeCrl(folder.path, der), /No Revoked Certificates/)
  })

  test('number, dates and the key of the issuer stand in it', async () => {
    const der = await createCrl([], { number: 4711 })
    using folder = createFolder()
    const text = describeCrl(folder.path, der)
    assert.match(text, /Version 2/)
    assert.match(text, /Last Update: Jun +1 12:00:00 2026 GMT\n +Next Update: Jun +8 12:00:00 2026/)
    assert.match(text, /X509v3 CRL Number: \n +4711\n/)
    assert.match(text, /X509v3 Authority Key Identifier: \n +[0-9A-F:]{59}\n/)
  })

  test('each reason stands with its certificate, and unspecified by its absence', async () => {
    const reasons = [0, 1, 2, 3, 4, 5, 9, 10] as const
    const der = await createCrl(
      reasons.map((reason) => ({ serialHex: `7F0${reason.toString(16)}`, at: NOW, reason })),
    )
    const entries = pkijs.CertificateRevocationList.fromBER(der).revokedCertificates ?? []
    using folder = createFolder()
    const text = describeCrl(folder.path, der)
    assert.equal(entries[0]?.crlEntryExtensions, undefined)
    const told = [...text.matchAll(/CRL Reason Code: \n +(.+)\n/g)].map(([, reason]) => reason)
    assert.deepEqual(told, [
      'Key Compromise',
      'CA Compromise',
      'Affiliation Changed',
      'Superseded',
      'Cessation Of Operation',
      'Privilege Withdrawn',
      'AA Compromise',
    ])
  })

  test('a serial with a set top bit stays positive', async () => {
    using folder = createFolder()
    const text = describeCrl(
      folder.path,
      await createCrl([{ serialHex: 'FF01', at: NOW, reason: 0 }]),
    )
    assert.match(text, /Serial Number: FF01\n/)
  })

  test('a hundred and fifty thousand entries fit', async () => {
    const serialHex = (index: number) => `01${index.toString(16).toUpperCase().padStart(8, '0')}`
    const der = await createCrl(
      Array.from({ length: 150_000 }, (_, index) => ({
        serialHex: serialHex(index),
        at: NOW,
        reason: 5,
      })),
    )
    using folder = createFolder()
    const text = describeCrl(folder.path, der)
    assert.equal(text.match(/Serial Number: /g)?.length, 150_000)
  })
})
