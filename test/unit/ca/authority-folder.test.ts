import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, copyFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  describeAuthority,
  getIssuerMaterial,
  initAuthority,
  issueCertificate,
  loadAuthority,
  prepareIssuer,
  rotateRa,
  verifyIssued,
} from '../../../src/ca/index.ts'
import { Secret } from '../../../src/kernel/index.ts'
import {
  createAuthorityIn,
  createCertificateOrder,
  createFolder,
  daysAfter,
  FOLDER_OPTIONS,
  NOW,
  PASSPHRASE,
} from './ca-fixtures.ts'

function findFile(directory: string, pattern: RegExp): string {
  const name = readdirSync(directory).find((entry) => pattern.test(entry))
  assert.ok(name, `no file like ${pattern}`)
  return join(directory, name)
}

describe('authority folder', () => {
  test('the first start makes an authority, the second loads the same one', async () => {
    using folder = createFolder()
    const directory = join(folder.path, 'ca', 'main')
    const first = await initAuthority(directory, PASSPHRASE, FOLDER_OPTIONS)
    const second = await initAuthority(directory, PASSPHRASE, FOLDER_OPTIONS)
    assert.deepEqual([first.isNew, second.isNew], [true, false])
    assert.deepEqual(second.authority, first.authority)
    assert.deepEqual(await loadAuthority(directory, PASSPHRASE), first.authority)
  })

  test('the folder and all files are for the owner alone, and no key is in the clear', async () => {
    using folder = createFolder()
    const directory = join(folder.path, 'ca')
    await initAuthority(directory, PASSPHRASE, FOLDER_OPTIONS)
    assert.equal(statSync(directory).mode & 0o777, 0o700)
    const names = readdirSync(directory)
    assert.equal(names.length, 7)
    for (const name of names) {
      assert.match(name, /^((root|issuing|ra)-[0-9a-f]{16}\.(pem|key)|authority-1\.json)$/)
      assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600)
    }
  })

  test('of two that start at once one makes the authority and both load it', async () => {
    using folder = createFolder()
    const starts = await Promise.all(
      [1, 2].map(() => initAuthority(folder.path, PASSPHRASE, FOLDER_OPTIONS)),
    )
    assert.equal(starts.filter(({ isNew }) => isNew).length, 1)
    for (const { authority } of starts) assert.deepEqual(authority, starts[0]?.authority)
    assert.equal(readdirSync(folder.path).length, 7)
  })

  test('what a process left behind that died before its manifest does not count', async () => {
    using folder = createFolder()
    using other = createFolder()
    await createAuthorityIn(other.path)
    for (const name of readdirSync(other.path)) {
      if (!name.endsWith('.json')) copyFileSync(join(other.path, name), join(folder.path, name))
    }
    await assert.rejects(loadAuthority(folder.path, PASSPHRASE), {
      code: 'key/unreadable',
      message: /certconnector ca init/,
    })
    const { isNew } = await initAuthority(folder.path, PASSPHRASE, FOLDER_OPTIONS)
    assert.equal(isNew, true)
  })

  test('a loaded authority issues what verifies', async () => {
    using folder = createFolder()
    const [authority] = (await createAuthorityIn(folder.path)).generations
    assert.ok(authority)
    const material = getIssuerMaterial(authority, 'main', {
      caIssuersUrl: undefined,
      crlUrl: undefined,
    })
    const order = createCertificateOrder()
    const der = issueCertificate(order, prepareIssuer(material))
    verifyIssued(der, order, [authority.issuingDer, authority.rootDer], NOW)
  })

  test('another passphrase is refused', async () => {
    using folder = createFolder()
    await createAuthorityIn(folder.path)
    const wrong = new Secret('a passphrase of another CA')
    await assert.rejects(loadAuthority(folder.path, wrong), { code: 'key/unreadable' })
    await assert.rejects(initAuthority(folder.path, wrong, FOLDER_OPTIONS), {
      code: 'key/unreadable',
    })
  })

  test('the key of the root may be taken away', async () => {
    using folder = createFolder()
    await createAuthorityIn(folder.path)
    rmSync(findFile(folder.path, /^root-.*\.key$/))
    await loadAuthority(folder.path, PASSPHRASE)
    await rotateRa(folder.path, PASSPHRASE, { now: NOW, random: randomBytes })
    const { generations } = await describeAuthority(folder.path, NOW)
    assert.deepEqual(
      generations[0]?.certificates.map(({ role, hasKeyFile }) => [role, hasKeyFile]),
      [
        ['root', false],
        ['issuing', true],
        ['ra', true],
        ['ra', true],
      ],
    )
  })

  test('a key of another certificate is refused', async () => {
    using folder = createFolder()
    await createAuthorityIn(folder.path)
    const key = findFile(folder.path, /^issuing-.*\.key$/)
    copyFileSync(findFile(folder.path, /^root-.*\.key$/), key)
    await assert.rejects(loadAuthority(folder.path, PASSPHRASE), {
      code: 'ca/misconfigured',
      message: /is not the key of issuing-/,
    })
  })

  test('a root that did not issue the issuing CA is refused', async () => {
    using folder = createFolder()
    await createAuthorityIn(folder.path)
    const root = findFile(folder.path, /^root-.*\.pem$/)
    copyFileSync(findFile(folder.path, /^ra-.*\.pem$/), root)
    await assert.rejects(loadAuthority(folder.path, PASSPHRASE), {
      code: 'ca/misconfigured',
      message: /CN=Folder CA was not issued by CN=Folder CA RA/,
    })
  })

  test('a key that others can read stops the start', async () => {
    using folder = createFolder()
    await createAuthorityIn(folder.path)
    chmodSync(findFile(folder.path, /^ra-.*\.key$/), 0o644)
    await assert.rejects(loadAuthority(folder.path, PASSPHRASE), {
      code: 'key/unreadable',
      message: /chmod 600/,
    })
  })

  const manifests: readonly [title: string, content: string][] = [
    ['no JSON', '{'],
    ['an unknown version', '{"version":3}'],
    [
      'a path out of the folder',
      JSON.stringify({
        version: 1,
        createdAt: NOW.toISOString(),
        root: { certificate: '../root.pem', key: 'root.key' },
        issuing: { certificate: 'issuing.pem', key: 'issuing.key' },
        ras: [{ certificate: 'ra.pem', key: 'ra.key', retiredAt: null }],
      }),
    ],
  ]
  for (const [title, content] of manifests) {
    test(`a manifest with ${title} is refused, and no authority is made beside it`, async () => {
      using folder = createFolder()
      writeFileSync(join(folder.path, 'authority-1.json'), content, { mode: 0o600 })
      await assert.rejects(initAuthority(folder.path, PASSPHRASE, FOLDER_OPTIONS), {
        code: 'ca/misconfigured',
      })
      assert.deepEqual(readdirSync(folder.path), ['authority-1.json'])
    })
  }

  test('the description needs no passphrase and names thumbprints, dates and keys', async () => {
    using folder = createFolder()
    await createAuthorityIn(folder.path)
    const { generations, createdAt, revision } = await describeAuthority(folder.path, NOW)
    assert.deepEqual([createdAt, revision], [NOW, 1])
    const [root, issuing, ra] = generations[0]?.certificates ?? []
    assert.ok(root && issuing && ra)
    assert.match(root.sha1Hex, /^[0-9A-F]{40}$/)
    assert.match(root.sha256Hex, /^[0-9A-F]{64}$/)
    assert.equal(issuing.issuer, root.subject)
    assert.deepEqual(ra.notAfter, daysAfter(730))
    assert.equal(ra.publicKey.bits, 2048)
  })
})
