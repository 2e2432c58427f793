import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadAuthority } from '../../../src/ca/index.ts'
import { caCertificatesOf } from '../../../src/compose/authorities.ts'
import { demonstrationConfiguration } from '../../../src/config/index.ts'
import { parseCertificate } from '../../../src/pki/index.ts'
import { recordQuickAuthority } from '../../support/quick-authority.ts'
import { FOLDER_OPTIONS, PASSPHRASE } from '../ca/ca-fixtures.ts'

test('REQ-42: the list has RA, issuing CA and root, the last two unless they are left out', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ca-certificates-'))
  try {
    await recordQuickAuthority(directory, PASSPHRASE, FOLDER_OPTIONS)
    const authority = await loadAuthority(directory, PASSPHRASE)
    const [generation] = authority.generations
    const [settings] = demonstrationConfiguration(directory).ca
    assert.ok(generation && settings)
    const namesFor = (includeIntermediate: boolean, includeRoot: boolean) =>
      caCertificatesOf(
        {
          settings: { ...settings, includeIntermediate, includeRoot },
          directory,
          isNew: false,
          publicUrl: '',
          allowsSidExtension: false,
          authority,
        },
        generation,
      ).map((der) => parseCertificate(der).subject)
    const [ra, issuing, root] = ['CN=Folder CA RA', 'CN=Folder CA', 'CN=Folder CA Root']
    assert.deepEqual(namesFor(true, true), [ra, issuing, root])
    assert.deepEqual(namesFor(true, false), [ra, issuing])
    assert.deepEqual(namesFor(false, true), [ra, root])
    assert.deepEqual(namesFor(false, false), [ra])
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
