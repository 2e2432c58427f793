import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  constants,
  createDecipheriv,
  createPrivateKey,
  privateDecrypt,
  randomBytes,
  X509Certificate,
} from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import * as asn1js from 'asn1js'
import {
  type ContentRecipient,
  openContent,
  parseCertificate,
  type SealingProfile,
  sealContent,
} from '../../../src/pki/index.ts'
import { createFolder, openssl } from '../ca/ca-fixtures.ts'

const folder = createFolder()
after(() => folder[Symbol.dispose]())
const content = Buffer.from('a password of 32 ASCII characters')

function makeRecipient(name: string, key: readonly string[], usage?: string): ContentRecipient {
  const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`]
  const added = usage === undefined ? [] : ['-addext', `keyUsage=${usage}`]
  openssl(
    folder.path,
    'req',
    '-x509',
    '-nodes',
    ...files,
    '-subj',
    `/CN=${name}`,
    '-newkey',
    ...key,
    ...added,
  )
  const read = (file: string): Buffer => readFileSync(join(folder.path, file))
  return {
    key: createPrivateKey(read(`${name}.key`)),
    certificate: parseCertificate(new X509Certificate(read(`${name}.crt`)).raw),
  }
}
const curve = (name: string): string[] => ['ec', '-pkeyopt', `ec_paramgen_curve:${name}`]
const rsa = makeRecipient('rsa', ['rsa:2048'], 'keyEncipherment')
const ec = makeRecipient('ec', curve('P-256'), 'keyAgreement')
const recipients: Readonly<Record<string, ContentRecipient>> = {
  rsa,
  ec,
  p384: makeRecipient('p384', curve('P-384')),
}
const profiles: readonly SealingProfile[] = ['strong', 'standard', 'msCompat', 'msCompatTripleDes']

/** AuthEnvelopedData as RFC 5083 has it, read by asn1js. `open` takes what the tag shall cover besides. */
function openByRfc5083(sealed: Uint8Array, { key }: ContentRecipient) {
  const sequence = (block: unknown): asn1js.BaseBlock[] =>
    (block as asn1js.Sequence).valueBlock.value
  const octets = (block: unknown): Buffer =>
    Buffer.from((block as asn1js.OctetString).valueBlock.valueHexView)
  const [, explicit] = sequence(asn1js.fromBER(sealed).result)
  const [, infos, encrypted, authenticated, mac] = sequence(sequence(explicit)[0])
  const wrapped = octets(sequence(sequence(infos)[0])[3])
  const [, algorithm, text] = sequence(encrypted)
  const nonce = octets(sequence(sequence(algorithm)[1])[0])
  const attributes = Buffer.from(authenticated?.valueBeforeDecodeView ?? [])
  attributes[0] = 0x31
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
  const contentKey = privateDecrypt({ key, ...padding }, wrapped)
  const open = (covered: Uint8Array): Buffer => {
    const cipher = createDecipheriv('aes-256-gcm', contentKey, nonce)
    cipher.setAAD(covered).setAuthTag(octets(mac))
    return Buffer.concat([cipher.update(octets(text)), cipher.final()])
  }
  return { attributes, open }
}

describe('sealing content to certificates', () => {
  for (const profile of profiles)
    for (const [name, recipient] of Object.entries(recipients))
      test(`${profile} to ${name}: openssl opens it, and so do we`, () => {
        const sealed = sealContent(content, [recipient.certificate], profile, randomBytes)
        writeFileSync(join(folder.path, 'sealed'), sealed)
        const opened = execFileSync(
          'openssl',
          ['cms', '-decrypt', '-inform', 'DER', '-in', 'sealed', '-binary'].concat([
            '-recip',
            `${name}.crt`,
            '-inkey',
            `${name}.key`,
          ]),
          { cwd: folder.path },
        )
        assert.deepEqual(opened, content)
        assert.deepEqual(Buffer.from(openContent(sealed, recipient) ?? []), content)
      })

  test('what openssl seals to several recipients, each of them opens', () => {
    writeFileSync(join(folder.path, 'plain'), content)
    for (const cipher of ['-aes-256-cbc', '-aes-256-gcm']) {
      const options = ['-binary', '-outform', 'DER', '-in', 'plain', '-out', 'theirs', cipher]
      // Its default wrap for AES-256 content is AES-256; the digest of the derivation has to be asked for.
      const agreed = ['-recip', 'ec.crt', '-keyopt', 'ecdh_kdf_md:sha256']
      openssl(folder.path, 'cms', '-encrypt', ...options, ...agreed, '-recip', 'rsa.crt')
      const theirs = readFileSync(join(folder.path, 'theirs'))
      for (const recipient of [rsa, ec])
        assert.deepEqual(Buffer.from(openContent(theirs, recipient) ?? []), content)
    }
  })

  test('one message for several recipients, as for escrow', () => {
    const all = Object.values(recipients)
    const sealed = sealContent(
      content,
      all.map(({ certificate }) => certificate),
      'strong',
      randomBytes,
    )
    for (const recipient of all)
      assert.deepEqual(Buffer.from(openContent(sealed, recipient) ?? []), content)
  })

  test('another key does not open it, and a changed tag is noticed', () => {
    const stranger = makeRecipient('stranger', curve('P-256'))
    for (const [recipient, key] of [
      [ec, stranger.key],
      [rsa, makeRecipient('other', ['rsa:2048']).key],
    ] as const) {
      const sealed = sealContent(content, [recipient.certificate], 'strong', randomBytes)
      assert.equal(openContent(sealed, { ...recipient, key }), undefined)
      assert.throws(() => openContent(sealed, stranger), { code: 'key/unknown' })
      const changed = Uint8Array.from(sealed)
      changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
      assert.equal(openContent(changed, recipient), undefined)
    }
  })

  test('an attribute is in the clear and under the tag: without it, or with another, nothing opens', () => {
    const attribute = { oid: '1.3.6.1.4.1.99999.1.1', valueDer: new Uint8Array([4, 2, 0xca, 0xfe]) }
    const sealed = sealContent(content, [rsa.certificate], 'strong', randomBytes, attribute)
    const { open, attributes } = openByRfc5083(sealed, rsa)
    const type = Buffer.from('060a2b06010401868d1f0101', 'hex')
    const value = Buffer.from('31040402cafe', 'hex')
    const body = Buffer.concat([type, value])
    const one = Buffer.concat([Buffer.from([0x30, body.length]), body])
    assert.deepEqual(attributes, Buffer.concat([Buffer.from([0x31, one.length]), one]))
    assert.deepEqual(open(attributes), content)
    assert.throws(() => open(Buffer.alloc(0)))
    assert.throws(() => open(Buffer.concat([attributes.subarray(0, -1), Buffer.from([0])])))
    assert.throws(() => openContent(sealed, rsa), { code: 'pki/unsupported-algorithm' })
  })

  test('without a tag there are no attributes', () => {
    const attribute = { oid: '1.3.6.1.4.1.99999.1.1', valueDer: new Uint8Array([5, 0]) }
    for (const profile of profiles.slice(1))
      assert.throws(
        () => sealContent(content, [rsa.certificate], profile, randomBytes, attribute),
        {
          code: 'internal/bug',
        },
      )
  })

  for (const [title, key, usage, code] of [
    ['RSA of 1024 bits', ['rsa:1024'], undefined, 'pki/weak-key'],
    ['Ed25519', ['ed25519'], undefined, 'pki/unsupported-algorithm'],
    ['RSA that may only sign', ['rsa:2048'], 'digitalSignature', 'pki/unsupported-algorithm'],
    ['EC that may only sign', curve('P-256'), 'digitalSignature', 'pki/unsupported-algorithm'],
  ] as const)
    test(`${title} is ${code}`, () => {
      const { certificate } = makeRecipient('refused', key, usage)
      assert.throws(() => sealContent(content, [certificate], 'standard', randomBytes), { code })
    })

  test('nobody, or more than a hundred, is refused', () => {
    assert.throws(() => sealContent(content, [], 'standard', randomBytes))
    const many = Array.from({ length: 101 }, () => rsa.certificate)
    assert.throws(() => sealContent(content, many, 'standard', randomBytes))
  })
})
