import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  type CrlRules,
  createEmbeddedCa,
  findCrlShard,
  type Publication,
  type RevocationReason,
} from '../../../src/ca/index.ts'
import { describeIssued } from '../../../src/connector/enrolment/issuance.ts'
import { parseCertificate } from '../../../src/pki/index.ts'
import { createMemoryStore } from '../../support/memory-store.ts'
import { opensslIsMissing } from '../../support/scep-messages/index.ts'
import {
  createCertificateOrder,
  createDirectSigner,
  createFolder,
  DAY_MS,
  getQuickAuthority,
  materialOf,
  NOW,
  openssl,
  writePem,
} from './ca-fixtures.ts'

const caId = 'main'
const crlUrl = 'http://pki.example/crl/main.crl'
const HOUR_MS = 3_600_000
const skip = opensslIsMissing()

/** An embedded CA over a store in memory, and openssl to judge what it publishes. */
async function createBench(rules: CrlRules, startShards = rules.shards ?? 1) {
  const authority = await getQuickAuthority()
  const { certificates, crls } = createMemoryStore()
  const clock = { now: NOW }
  const caWith = (more: CrlRules) =>
    createEmbeddedCa({
      id: caId,
      chain: [authority.issuing.certificateDer, authority.root.certificateDer],
      signer: createDirectSigner(
        materialOf(authority, { caId, crlUrl, crlShards: more.shards ?? 1 }),
      ),
      certificates,
      crls,
      crlUrl,
      crlRules: more,
      clock: { now: () => clock.now },
    })
  const ca = caWith({ ...rules, shards: startShards })

  /** Issues a certificate and keeps it, as an enrolment does. */
  async function issue(by = ca) {
    const order = createCertificateOrder()
    const intent = {
      requestKey: order.serialHex,
      caId,
      profile: 'default',
      transactionId: order.serialHex,
      subject: 'CN=device',
      order,
      reservedAt: NOW,
    }
    await certificates.reserve(intent, 'one', clock.now, NOW)
    const result = await by.enrol(
      {
        requestKey: intent.requestKey,
        csrDer: new Uint8Array(),
        certificate: order,
        parameters: {},
        attempt: 1,
      },
      new AbortController().signal,
    )
    if (result.status !== 'issued') throw new Error('not issued')
    const certificate = parseCertificate(result.certificateDer)
    await certificates.complete(intent, describeIssued(intent, certificate, NOW), undefined)
    return certificate
  }

  const mark = async (serialHex: string, reason: RevocationReason) =>
    await certificates.revoke(caId, serialHex, reason, clock.now)

  return { authority, ca, caWith, certificates, clock, crls, issue, mark }
}

type Bench = Awaited<ReturnType<typeof createBench>>

/** What `openssl verify` says of a certificate with these CRLs and no others. */
function verify(
  { authority, clock }: Bench,
  certificateDer: Uint8Array,
  crls: readonly Uint8Array[],
  ...words: readonly string[]
): string {
  using folder = createFolder()
  const { path } = folder
  writePem(path, 'root.pem', authority.root.certificateDer)
  writePem(path, 'issuing.pem', authority.issuing.certificateDer)
  writePem(path, 'leaf.pem', certificateDer)
  const files = crls.flatMap((der, index) => {
    writeFileSync(join(path, 'crl.der'), der)
    openssl(path, 'crl', '-inform', 'der', '-in', 'crl.der', '-out', `crl-${index}.pem`)
    return ['-CRLfile', `crl-${index}.pem`]
  })
  const at = String(clock.now.getTime() / 1000)
  const chain = ['-CAfile', 'root.pem', '-untrusted', 'issuing.pem']
  const all = ['-attime', at, ...chain, ...files, ...words, 'leaf.pem']
  try {
    return openssl(path, 'verify', '-crl_check', ...all)
  } catch (error) {
    return String((error as { stderr?: unknown }).stderr)
  }
}

function print(der: Uint8Array): string {
  using folder = createFolder()
  writeFileSync(join(folder.path, 'crl.der'), der)
  return openssl(folder.path, 'crl', '-inform', 'der', '-in', 'crl.der', '-noout', '-text')
}

function partOf({ parts }: Publication, name: string): Uint8Array {
  const part = parts.get(name)
  assert.ok(part !== undefined, `there is no part ${name}`)
  return part.der
}

describe('shards of a CRL', { skip }, () => {
  test('openssl takes the shard that a certificate names, and no other', async () => {
    const bench = await createBench({ shards: 3 })
    const leaf = await bench.issue()
    const shard = findCrlShard(leaf) ?? assert.fail('the certificate names no shard')
    const before = await bench.ca.publishCrl()
    const own = (publication: Publication) => partOf(publication, String(shard))
    assert.deepEqual([...before.parts.keys()], ['0', '1', '2'])
    const text = print(own(before))
    assert.match(
      text,
      new RegExp(
        `Issuing Distribution Point: critical\\s+Full Name:\\s+URI:http://pki.example/crl/main/${shard}.crl\n`,
      ),
    )
    assert.match(verify(bench, leaf.der, [own(before)]), /: OK/)
    const other = partOf(before, String((shard + 1) % 3))
    assert.match(verify(bench, leaf.der, [other]), /different CRL scope/)

    await bench.mark(leaf.serialHex, 1)
    const after = await bench.ca.publishCrl()
    assert.match(verify(bench, leaf.der, [own(after)]), /certificate revoked/)
    assert.match(print(after.der), /Key Compromise/)
    assert.doesNotMatch(print(after.der), /Issuing Distribution Point/)
    assert.match(print(partOf(after, String((shard + 1) % 3))), /No Revoked Certificates/)
  })

  test('more of them are for new certificates alone; fewer take none away', async () => {
    const bench = await createBench({ shards: 2 })
    const old = await Promise.all(Array.from({ length: 8 }, async () => await bench.issue()))
    await bench.ca.publishCrl()
    const grown = bench.caWith({ shards: 64 })
    const young = await Promise.all(Array.from({ length: 8 }, async () => await bench.issue(grown)))
    assert.ok(young.some((leaf) => (findCrlShard(leaf) ?? 0) > 1))
    for (const { serialHex } of [...old, ...young]) await bench.mark(serialHex, 4)
    await grown.publishCrl()
    const shrunk = await bench.caWith({}).publishCrl()
    assert.equal(shrunk.shards, 64)
    for (const leaf of [...old, ...young]) {
      const der = partOf(shrunk, String(findCrlShard(leaf)))
      assert.ok(print(der).includes(leaf.serialHex), 'a revoked certificate left its shard')
    }
  })

  test('a certificate from before names the full CRL for ever', async () => {
    const bench = await createBench({ shards: 4 }, 1)
    const leaf = await bench.issue()
    assert.equal(findCrlShard(leaf), undefined)
    await bench.mark(leaf.serialHex, 4)
    const published = await bench.caWith({ shards: 4 }).publishCrl()
    assert.match(verify(bench, leaf.der, [published.der]), /certificate revoked/)
    for (const part of published.parts.values())
      assert.match(print(part.der), /No Revoked Certificates/)
  })
})

describe('delta CRLs', { skip }, () => {
  const delta = { validityHours: 2, baseHours: 24 }
  const deltas = ['-extended_crl', '-use_deltas']

  /** Publishes at a time, and gives the number of the complete CRL that the delta adds to. */
  async function publishAt(bench: Awaited<ReturnType<typeof createBench>>, hours: number) {
    bench.clock.now = new Date(NOW.getTime() + hours * HOUR_MS)
    const der = partOf(await bench.ca.publishCrl(), 'delta')
    return Number(/Delta CRL Indicator: critical\n\s+(\d+)/.exec(print(der))?.[1])
  }

  test('openssl adds one to the complete CRL that it has: revoked, held, released', async () => {
    const bench = await createBench({ delta })
    const [revoked, held, released] = [
      await bench.issue(),
      await bench.issue(),
      await bench.issue(),
    ]
    await bench.mark(released.serialHex, 6)
    const base = await bench.ca.publishCrl()
    assert.match(
      print(base.der),
      /Freshest CRL: \n\s+Full Name:\n\s+URI:http:\/\/pki.example\/crl\/main\/delta.crl/,
    )
    assert.match(print(partOf(base, 'delta')), /No Revoked Certificates/)
    assert.match(verify(bench, released.der, [base.der]), /certificate revoked/)

    bench.clock.now = new Date(NOW.getTime() + HOUR_MS)
    await bench.mark(revoked.serialHex, 1)
    await bench.mark(held.serialHex, 6)
    await bench.certificates.release(caId, released.serialHex, bench.clock.now)
    const next = await bench.ca.publishCrl()
    const nextDelta = partOf(next, 'delta')
    const text = print(nextDelta)
    assert.match(text, /X509v3 Delta CRL Indicator: critical\n\s+1\n/)
    assert.match(text, /X509v3 CRL Number: \n\s+2\n/)
    assert.match(text, /Remove From CRL/)
    const judge = (der: Uint8Array) => verify(bench, der, [base.der, nextDelta], ...deltas)
    assert.match(judge(revoked.der), /certificate revoked/)
    assert.match(judge(held.der), /certificate revoked/)
    assert.match(judge(released.der), /: OK/)
    // The complete CRL of the same number says the same.
    for (const leaf of [revoked, held])
      assert.match(verify(bench, leaf.der, [next.der]), /certificate revoked/)
    assert.match(verify(bench, released.der, [next.der]), /: OK/)
  })

  test('they add to one complete CRL until that is old; the one that replaces it comes with the last of them', async () => {
    const bench = await createBench({ delta })
    const bases: (number | undefined)[] = []
    for (const hours of [0, 12, 24, 36]) bases.push(await publishAt(bench, hours))
    assert.deepEqual(bases, [1, 1, 1, 3])
  })

  test('and until the clock was set back: one of a time that has not come would never be old', async () => {
    const bench = await createBench({ delta })
    const bases: (number | undefined)[] = []
    for (const hours of [87_600, 0, 1]) bases.push(await publishAt(bench, hours))
    assert.deepEqual(bases, [1, 1, 2])
  })

  test('shards have deltas of their own, of the same scope', async () => {
    const bench = await createBench({ delta, shards: 2 })
    const leaf = await bench.issue()
    const shard = String(findCrlShard(leaf))
    const base = await bench.ca.publishCrl()
    bench.clock.now = new Date(NOW.getTime() + HOUR_MS)
    await bench.mark(leaf.serialHex, 1)
    const next = await bench.ca.publishCrl()
    assert.deepEqual([...next.parts.keys()].toSorted(), ['0', '0-delta', '1', '1-delta', 'delta'])
    const crls = [partOf(base, shard), partOf(next, `${shard}-delta`)]
    assert.match(verify(bench, leaf.der, crls, ...deltas), /certificate revoked/)
  })

  test('none is left when they are switched off', async () => {
    const bench = await createBench({ delta })
    await bench.ca.publishCrl()
    assert.notEqual(await bench.crls.current(caId, 'delta'), undefined)
    await bench.caWith({}).publishCrl()
    assert.equal(await bench.crls.current(caId, 'delta'), undefined)
    assert.equal((await bench.crls.status(caId)).published?.base, undefined)
  })
})

test('a certificate that ended stays on the CRL until one published after its end was due', async () => {
  const bench = await createBench({ validityHours: 48 })
  const leaf = await bench.issue()
  await bench.mark(leaf.serialHex, 4)
  const listedAfter = async (days: number) => {
    bench.clock.now = new Date(leaf.notAfter.getTime() + days * DAY_MS)
    return print((await bench.ca.publishCrl()).der).includes(leaf.serialHex)
  }
  assert.deepEqual([await listedAfter(1), await listedAfter(3)], [true, false])
})
