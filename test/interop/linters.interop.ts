import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe } from 'node:test'
import { CA_KEY_TYPES } from '../../src/ca/index.ts'
import {
  type ExplainedFinding,
  explainedFindings,
} from '../documents/scep-conformance/linter-findings.ts'
import { toPem } from '../support/scep-messages/index.ts'
import { type LintedFamily, type LintedObject, makeFamily } from './linted-objects.ts'
import {
  type Finding,
  findGnutls,
  findOpenssl,
  findPkilint,
  findZlint,
  runPkilint,
  runZlint,
} from './linters/install.ts'
import { linterRows } from './linters/rows.ts'
import { playRow } from './rows.ts'
import { runProgram } from './run-program.ts'

const [openssl, gnutls, zlint, pkilint] = [
  await findOpenssl(),
  await findGnutls(),
  await findZlint(),
  await findPkilint(),
]

/** A family with its files: `<kind>-<name>.der`, and `.pem` of what has one. */
interface WrittenFamily extends LintedFamily {
  readonly folder: string
  /** Writes PEM and gives its path. */
  pem(name: string, label: 'CERTIFICATE' | 'X509 CRL', ...ders: readonly Uint8Array[]): string
}

describe('what the embedded CA makes, as others read it', () => {
  const root = mkdtempSync(join(tmpdir(), 'linted-'))
  const families: WrittenFamily[] = []
  before(async () => {
    for (const keyType of CA_KEY_TYPES) families.push(write(root, await makeFamily(keyType)))
  })
  after(() => rmSync(root, { recursive: true, force: true }))

  playRow(linterRows.openssl, openssl, async () => {
    for (const family of families) await checkWithOpenssl(family)
    return undefined
  })

  playRow(linterRows.gnutls, gnutls, async () => {
    for (const family of families) await checkWithGnutls(family)
    return undefined
  })

  playRow(linterRows.zlint, zlint, async () => {
    const files = families.flatMap(({ folder, objects }) =>
      objects
        .filter(({ kind }) => kind !== 'ocsp')
        .map((object) => join(folder, `${nameOf(object)}.pem`)),
    )
    return judge('zlint', await runZlint(files), files.length)
  })

  playRow(linterRows.pkilint, pkilint, async () => {
    const files = families.flatMap(({ folder, objects }) =>
      objects.map((object) => ({
        kind:
          object.kind === 'crl' || object.kind === 'ocsp' ? object.kind : ('certificate' as const),
        file: join(folder, `${nameOf(object)}.der`),
      })),
    )
    return judge('pkilint', await runPkilint(files), files.length)
  })
})

function nameOf({ kind, name }: LintedObject): string {
  return `${kind}-${name}`
}

function write(root: string, family: LintedFamily): WrittenFamily {
  const folder = join(root, family.keyType)
  mkdirSync(folder)
  const put = (name: string, content: Uint8Array | string) => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  for (const object of family.objects) {
    const { der, kind } = object
    put(`${nameOf(object)}.der`, der)
    if (kind === 'ocsp') continue
    put(`${nameOf(object)}.pem`, toPem(kind === 'crl' ? 'X509 CRL' : 'CERTIFICATE', der))
  }
  return {
    ...family,
    folder,
    pem: (name, label, ...ders) => put(name, ders.map((der) => toPem(label, der)).join('')),
  }
}

/** Nothing is found that is not explained, and everything that is explained is found. */
function judge(
  linter: ExplainedFinding['linter'],
  findings: readonly Finding[],
  files: number,
): string {
  const explained = explainedFindings.filter((one) => one.linter === linter).map(({ code }) => code)
  const unexplained = findings
    .filter(({ code }) => !explained.includes(code))
    .map(({ code, file }) => `${code}: ${file.split('/').slice(-2).join('/')}`)
  assert.deepEqual(unexplained, [])
  const found = new Set(findings.map(({ code }) => code))
  assert.deepEqual(
    explained.filter((code) => !found.has(code)),
    [],
    'explained, but not found any more',
  )
  return `${files} objects, ${found.size} explained findings`
}

/** Status and words of a program, whatever they are. */
async function say(command: string, ...args: readonly string[]) {
  const end = await runProgram(command, args)
  return { ok: end.status === 0, text: `${end.stdout.toString()}${end.stderr}` }
}

async function checkWithOpenssl(family: WrittenFamily): Promise<void> {
  const { answers, crls, folder, good, issuing, keyType, objects, revoked, root } = family
  const rootFile = family.pem('root.pem', 'CERTIFICATE', root)
  const issuingFile = family.pem('issuing.pem', 'CERTIFICATE', issuing)
  const chain = ['-x509_strict', '-CAfile', rootFile, '-untrusted', issuingFile]
  for (const object of objects) {
    const file = join(folder, `${nameOf(object)}.pem`)
    const about = `${keyType} ${nameOf(object)}`
    if (object.kind === 'crl') {
      const { text } = await say('openssl', 'crl', '-in', file, '-noout', '-CAfile', issuingFile)
      assert.match(text, /verify OK/, about)
    } else if (object.kind !== 'ocsp') {
      const purpose = await say(
        'openssl',
        'x509',
        '-in',
        file,
        '-noout',
        '-purpose',
        '-checkend',
        '86400',
      )
      assert.match(purpose.text, /will not expire/, about)
      assert.match(purpose.text, /SSL server CA : No|Any Purpose CA : Yes/, about)
      const isCa = object.kind === 'root' || object.kind === 'issuing'
      assert.match(purpose.text, new RegExp(`SSL client CA : ${isCa ? 'Yes' : 'No'}\n`), about)
      if (object.kind === 'device') assert.match(purpose.text, /SSL client : Yes\n/, about)
      const verified = await say('openssl', 'verify', ...chain, file)
      assert.ok(verified.ok, `${about}: ${verified.text}`)
    }
  }

  const leaf = {
    good: family.pem('good.pem', 'CERTIFICATE', good.der),
    revoked: family.pem('revoked.pem', 'CERTIFICATE', revoked.der),
  }
  const crl = (name: string, der: Uint8Array) => ['-CRLfile', family.pem(name, 'X509 CRL', der)]
  const verify = async (which: 'good' | 'revoked', ...words: readonly string[]) =>
    (await say('openssl', 'verify', '-crl_check', ...chain, ...words, leaf[which])).text
  const delta = [...crl('delta.pem', crls.delta), '-extended_crl', '-use_deltas']
  const shards = [...crl('g.pem', crls.shardOfGood), ...crl('r.pem', crls.shardOfRevoked)]
  for (const words of [
    crl('full.pem', crls.full),
    shards,
    [...crl('empty.pem', crls.empty), ...delta],
  ]) {
    assert.match(await verify('good', ...words), /: OK/, keyType)
    assert.match(await verify('revoked', ...words), /certificate revoked/, keyType)
  }

  for (const [which, certificate] of [
    ['good', leaf.good],
    ['revoked', leaf.revoked],
  ] as const) {
    const file = join(folder, `ocsp-${which}.der`)
    writeFileSync(file, answers[which])
    const words = ['-respin', file, '-issuer', issuingFile, '-cert', certificate]
    const trust = ['-CAfile', rootFile, '-verify_other', issuingFile, '-no_nonce', '-sha1']
    // The digest comes before the certificate that it is for.
    const { text } = await say('openssl', 'ocsp', ...trust, ...words)
    assert.match(text, /Response verify OK/, `${keyType} ${which}`)
    assert.match(text, new RegExp(`\\.pem: ${which}`), `${keyType} ${which}`)
  }
}

async function checkWithGnutls(family: WrittenFamily): Promise<void> {
  const { answers, crls, folder, good, issuing, keyType, revoked, root } = family
  const rootFile = family.pem('root.pem', 'CERTIFICATE', root)
  const issuingFile = family.pem('issuing.pem', 'CERTIFICATE', issuing)
  for (const object of family.objects) {
    const about = `${keyType} ${nameOf(object)}`
    const file = join(folder, `${nameOf(object)}.pem`)
    if (object.kind === 'crl') {
      const words = ['--verify-crl', '--load-ca-certificate', issuingFile, '--infile', file]
      const { ok, text } = await say('certtool', ...words)
      assert.ok(ok && text.includes('Verified.'), `${about}: ${text}`)
    } else if (object.kind === 'device' || object.kind === 'ra') {
      const chain = family.pem('chain.pem', 'CERTIFICATE', object.der, issuing)
      const words = ['--verify', '--load-ca-certificate', rootFile, '--infile', chain]
      const { ok, text } = await say('certtool', ...words)
      assert.ok(ok && /Chain verification output: Verified/.test(text), `${about}: ${text}`)
    }
  }
  const full = family.pem('full.pem', 'X509 CRL', crls.full)
  for (const [which, certificate] of [
    ['good', good],
    ['revoked', revoked],
  ] as const) {
    const chain = family.pem('chain.pem', 'CERTIFICATE', certificate.der, issuing)
    const words = ['--verify', '--load-ca-certificate', rootFile, '--load-crl', full]
    const { text } = await say('certtool', ...words, '--infile', chain)
    assert.equal(/revoked/i.test(text), which === 'revoked', `${keyType} ${which}: ${text}`)
    const file = join(folder, `ocsp-${which}.der`)
    writeFileSync(file, answers[which])
    const trust = ['--verify-response', '--load-trust', issuingFile]
    const answer = await say('ocsptool', ...trust, '--load-response', file)
    assert.ok(answer.ok && answer.text.includes('Success'), `${keyType} ${which}: ${answer.text}`)
    assert.match(answer.text, new RegExp(`Certificate Status: ${which}`), `${keyType} ${which}`)
  }
}
