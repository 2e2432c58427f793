import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createPrivateKey, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { ConnectorError, Secret } from '../../../src/kernel/index.ts'
import {
  encodePfx,
  findIdentity,
  generatePfxPassword,
  openPfx,
  openPfxInThread,
  type PfxProtection,
} from '../../../src/pfx/index.ts'
import { createFolder, makeIdentity, makePfx, openssl, PASSWORD } from './pfx-fixtures.ts'

const folder = createFolder()
after(() => folder[Symbol.dispose]())
makeIdentity(folder.path, 'alice')
makeIdentity(folder.path, 'bob', { key: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] })
const aliceKey = createPrivateKey(readFileSync(join(folder.path, 'alice.key')))
const pbe = (key: string, certificate = key): string[] => [
  '-legacy',
  '-keypbe',
  `PBE-SHA1-${key}`,
  '-certpbe',
  `PBE-SHA1-${certificate}`,
]
const modern = makePfx(folder.path, 'alice', PASSWORD)

describe('opening PFX', () => {
  const kinds: readonly [string, readonly string[], Partial<PfxProtection>][] = [
    ['AES-256', [], { ciphers: ['AES-256'], hasOldCipher: false, iterations: 2048, hasMac: true }],
    ['RC2-40 and 3DES', ['-legacy'], { ciphers: ['RC2-40', '3DES'], hasOldCipher: true }],
    ['3DES', pbe('3DES'), { ciphers: ['3DES'] }],
    ['3DES with two keys', pbe('2DES'), { ciphers: ['3DES with two keys'] }],
    ['RC2-128', pbe('RC2-128'), { ciphers: ['RC2-128'] }],
    ['AES-128', ['-keypbe', 'AES-128-CBC', '-certpbe', 'AES-192-CBC'], { hasOldCipher: false }],
    ['a MAC with SHA-512', ['-macalg', 'sha512', '-iter', '10000'], { iterations: 10_000 }],
    ['no MAC', ['-nomac'], { hasMac: false }],
    ['no encryption', ['-keypbe', 'NONE', '-certpbe', 'NONE'], { hasOpenKey: true, iterations: 0 }],
  ]
  for (const [title, options, protection] of kinds)
    for (const password of [PASSWORD, 'pässwörd €🔑'])
      test(`${title}, password ${password === PASSWORD ? 'in' : 'beyond'} ASCII`, () => {
        const opened = openPfx(makePfx(folder.path, 'alice', password, ...options), password)
        const { key, certificate, others } = findIdentity(opened)
        assert.ok(key.equals(aliceKey))
        assert.equal(certificate.subject, 'CN=alice')
        assert.equal(others.length, 0)
        assert.deepEqual({ ...opened.protection, ...protection }, opened.protection)
      })

  test('an EC key and a chain; the certificate of the key is found among them', () => {
    const pfx = makePfx(folder.path, 'bob', PASSWORD, '-certfile', 'alice.crt')
    const { key, certificate, others } = findIdentity(openPfx(pfx, PASSWORD))
    assert.equal(key.asymmetricKeyType, 'ec')
    assert.equal(certificate.subject, 'CN=bob')
    assert.deepEqual(
      others.map(({ subject }) => subject),
      ['CN=alice'],
    )
  })

  for (const [title, options] of [
    ['with a MAC', []],
    ['without a MAC', ['-nomac']],
    ['with RC2', ['-legacy', '-nomac']],
  ] as const)
    test(`another password ${title} is pfx/unreadable, and not told`, () => {
      const pfx = makePfx(folder.path, 'alice', PASSWORD, ...options)
      assert.throws(
        () => openPfx(pfx, 'not this password'),
        (error: Error) => {
          assert.ok(error instanceof ConnectorError && error.code === 'pfx/unreadable')
          assert.ok(!error.message.includes('not this password'))
          return true
        },
      )
    })

  test('a changed file is noticed by its MAC', () => {
    const changed = Uint8Array.from(modern)
    const at = 600
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.throws(() => openPfx(changed, PASSWORD), { code: 'pfx/unreadable' })
  })

  test('two keys, no key, and a certificate of another key are import/refused with the reason', () => {
    const opened = openPfx(modern, PASSWORD)
    const bob = openPfx(makePfx(folder.path, 'bob', PASSWORD), PASSWORD)
    for (const [content, pattern] of [
      [{ ...opened, keys: [...opened.keys, ...bob.keys] }, /2 private keys/],
      [{ ...opened, keys: [] }, /no private key/],
      [{ ...opened, certificates: bob.certificates }, /belongs to its private key/],
      [{ ...opened, certificates: [] }, /none of the 0/],
    ] as const)
      assert.throws(() => findIdentity(content), { code: 'import/refused', message: pattern })
  })
})

describe('hostile files', () => {
  /** The DER of another count instead of the INTEGERs 2048 and 70000; as many octets. */
  const exchange = (pfx: Uint8Array, count: string): Uint8Array => {
    const hex = Buffer.from(pfx).toString('hex')
    const made = count.startsWith('0203') ? '0203011170' : '02020800'
    return new Uint8Array(Buffer.from(hex.replaceAll(made, count), 'hex'))
  }

  test('a count of iterations beyond 2,000,000 is refused before any work', () => {
    const hostile = exchange(
      makePfx(folder.path, 'alice', PASSWORD, '-iter', '70000'),
      '02037fffff',
    )
    const start = process.cpuUsage().user
    assert.throws(() => openPfx(hostile, PASSWORD), {
      code: 'pfx/unreadable',
      message: /8388607 iterations/,
    })
    assert.ok(process.cpuUsage().user - start < 500_000)
  })

  test('no iterations, or fewer than none, are refused', () => {
    assert.throws(() => openPfx(exchange(modern, '02020000'), PASSWORD), {
      message: /0 iterations/,
    })
    assert.throws(() => openPfx(exchange(modern, '0202ff00'), PASSWORD), { code: 'pfx/unreadable' })
  })

  test('a file of more than 1 MiB is refused by its size', () => {
    assert.throws(() => openPfx(new Uint8Array(1024 * 1024 + 1), PASSWORD), { message: /octets/ })
  })

  test('any change of any octet opens or is pfx/unreadable, never another error', () => {
    const bare = makePfx(folder.path, 'bob', PASSWORD, '-nomac', '-iter', '1')
    fc.assert(
      fc.property(fc.nat(bare.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
        const changed = Uint8Array.from(bare)
        changed[at] = (changed[at] ?? 0) ^ bits
        try {
          openPfx(changed, PASSWORD)
        } catch (error) {
          assert.ok(error instanceof ConnectorError, String(error))
          assert.equal(error.code, 'pfx/unreadable')
        }
      }),
      { numRuns: 300 },
    )
  })

  test('a thread that takes too long is ended, and the file refused', async () => {
    const slow = exchange(makePfx(folder.path, 'alice', PASSWORD, '-iter', '70000'), '02031e847f')
    const before = Date.now()
    await assert.rejects(openPfxInThread(slow, new Secret(PASSWORD), 300), {
      code: 'pfx/unreadable',
      message: /within 0.3 s/,
    })
    assert.ok(Date.now() - before < 20_000)
  })

  test('the thread gives what it opened, and the reason when it could not', async () => {
    const opened = await openPfxInThread(modern, new Secret(PASSWORD))
    assert.ok(findIdentity(opened).key.equals(aliceKey))
    await assert.rejects(openPfxInThread(modern, new Secret('other')), {
      code: 'pfx/unreadable',
      message: /does not open with this password/,
    })
    await assert.rejects(openPfxInThread(new Uint8Array(3), new Secret('')), {
      code: 'pfx/unreadable',
    })
  })
})

describe('making PFX', () => {
  const opened = openPfx(modern, PASSWORD)
  const bob = openPfx(makePfx(folder.path, 'bob', PASSWORD), PASSWORD)
  const content = {
    keyDer: opened.keys[0]?.der ?? new Uint8Array(),
    certificateDer: opened.certificates[0]?.der ?? new Uint8Array(),
    chain: [bob.certificates[0]?.der ?? new Uint8Array()],
    friendlyName: 'Zoë',
  }
  for (const [encryption, shown] of [
    ['aes256', /AES-256-CBC, Iteration 100000, PRF hmacWithSHA256/],
    ['tripleDes', /pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 20000/],
  ] as const)
    test(`${encryption}: openssl opens it, and so do we`, () => {
      const password = generatePfxPassword(randomBytes)
      assert.match(password.reveal(), /^[A-Za-z0-9_-]{32}$/)
      const pfx = encodePfx(content, password, encryption, randomBytes)
      writeFileSync(join(folder.path, 'made.pfx'), pfx)
      writeFileSync(join(folder.path, 'made.pass'), password.reveal())
      const read = ['pkcs12', '-in', 'made.pfx', '-passin', 'file:made.pass', '-nodes']
      const text = openssl(folder.path, ...read)
      const key = /-----BEGIN PRIVATE KEY-----[\s\S]*-----END PRIVATE KEY-----\n/.exec(text)?.[0]
      assert.ok(createPrivateKey(key ?? '').equals(aliceKey))
      assert.equal(text.split('BEGIN CERTIFICATE').length - 1, 2)
      // It tells the algorithms on standard error.
      const { stderr } = spawnSync('openssl', [...read, '-info', '-noout'], {
        cwd: folder.path,
        encoding: 'utf8',
      })
      assert.match(stderr, shown)
      const back = openPfx(pfx, password.reveal())
      assert.equal(findIdentity(back).certificate.subject, 'CN=alice')
      assert.equal(back.protection.hasOldCipher, encryption === 'tripleDes')
    })
})
