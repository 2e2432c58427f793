import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { describeConfiguration, renderExample } from '../../../src/config/index.ts'
import { environmentName } from '../../../src/config/key-list.ts'
import { configurationKeys } from '../../../src/config/load.ts'
import { expectOk, expectProblems, load } from './support.ts'

const root = new URL('../../../', import.meta.url)
const example = readFileSync(new URL('connector.example.yaml', root), 'utf8')

test('docs/configuration.md is what the schema says', () => {
  const text = readFileSync(new URL('docs/configuration.md', root), 'utf8')
  assert.equal(text, describeConfiguration())
})

test('connector.example.yaml is what the schema says', () => {
  assert.equal(example, renderExample())
})

test('every key has its meaning, and values an example unless they are secrets', () => {
  assert.ok(configurationKeys.length > 90)
  for (const { kind, notes, path } of configurationKeys) {
    if (kind === 'value') assert.notEqual(notes.doc, '', path.join('.'))
    if (kind === 'value' && notes.isSecret !== true) assert.notEqual(notes.example, undefined)
  }
})

test('no two keys have the same environment name', () => {
  const names = configurationKeys.map((key) => environmentName(key.path))
  assert.equal(new Set(names).size, names.length)
})

test('the example is a valid configuration', (context) => {
  const files = { 'secrets/intune-client': 'x' }
  const configuration = expectOk(load(context, example, {}, files).outcome)
  assert.equal(configuration.listeners.device.publicUrl, 'https://scep.example.org')
  assert.equal(configuration.profiles[0]?.challenge.kind, 'intune')
})

test('every key of the example is a key with a value that fits, also those behind a #', (context) => {
  const all = example.replace(/^( *)#(?! )/gm, '$1').replaceAll(/^( *)#(?= {2,}-)/gm, '$1')
  const problems = expectProblems(load(context, all).outcome)
  // What excludes something else, or names a file that is not there.
  assert.deepEqual(problems.map((problem) => problem.path).sort(), [
    'intune.clientSecretFile',
    'intune.clientSecretFile',
    'listeners.admin.apiTokenFile',
    'management.openService.enrolmentTokenFile',
    'profiles[0].challenge.length',
    'profiles[0].challenge.passwordMax',
    'profiles[0].challenge.secretFile',
    'profiles[0].challenge.validityMinutes',
    'profiles[0].ndes.usersFile',
    'proxy.passwordFile',
  ])
})
