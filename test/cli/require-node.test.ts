import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'

const bin = resolve(import.meta.dirname, '../../bin')

describe('a checkout without what npm ci installs', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'require-node-'))
    cpSync(bin, join(folder, 'bin'), { recursive: true })
    mkdirSync(join(folder, 'path'))
  })
  after(() => rmSync(folder, { recursive: true }))

  function run(command: string, version: string) {
    const text = `#!/bin/sh\necho ${version === '' ? '' : `v${version}`}\n`
    writeFileSync(join(folder, 'path', 'node'), text, { mode: 0o755 })
    const env = { PATH: `${join(folder, 'path')}:/usr/bin:/bin` }
    const { status, stderr } = spawnSync(join(folder, 'bin', command), { env, encoding: 'utf8' })
    return { status, stderr }
  }

  for (const command of ['certconnector', 'require-node'])
    test(`${command} says what to do on an older Node, without a stack`, () => {
      for (const version of ['20.20.2', '']) {
        const { status, stderr } = run(command, version)
        assert.equal(status, 1)
        assert.match(stderr, /^certconnector runs on Node 24, .* Run npm ci first\..*\n$/)
      }
    })

  test('a Node that is new enough is taken', () => {
    for (const version of ['24.0.0', '26.1.0'])
      assert.deepEqual(run('require-node', version), { status: 0, stderr: '' })
  })
})
