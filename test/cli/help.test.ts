import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { describe, test } from 'node:test'
import type { Command } from 'commander'
import { createProgram } from '../../src/cli/program.ts'
import { runCommand } from './command-run.ts'

/** Every command that is promised, with the options and arguments that its help must name. */
const promised: Readonly<Record<string, readonly string[]>> = {
  serve: [],
  init: [
    '--yes',
    '--force',
    '--name',
    '--features',
    '--public-url',
    '--host',
    '--port',
    '--admin-port',
    '--ca-name',
    '--challenge',
    '--static-challenge-file',
    '--open-service-url',
    '--enrolment-token-file',
    '--open-service-ca-file',
    '--device-issuers-file',
    '--tenant',
    '--client-id',
    '--cloud',
    '--credential',
    '--client-secret-file',
    '--client-certificate-file',
    '--client-key-file',
    '--proxy-url',
    '--proxy-user',
    '--proxy-password-file',
    '--passphrase-file',
  ],
  enrol: [
    '[challenge]',
    '--url',
    '--subject',
    '--san',
    '--challenge-file',
    '--control',
    '--key',
    '--method',
    '--digest',
    '--cipher',
    '--key-transport',
    '--root-fingerprint',
    '--out',
    '--wait',
  ],
  challenge: ['--profile', '--control', '--subject', '--san', '--valid-minutes'],
  'work pkcs': ['--user', '--control', '--out'],
  'work recrypt': ['--control', '--out'],
  simulate: ['--host', '--https-port', '--control-port'],
  'ca init': ['--id', '--key', '--root-key', 'p256'],
  'ca show': ['--id'],
  'ca export': ['[which]', '--id', '--der', '--next'],
  'ca rotate-ra': ['--id'],
  'keyring add': [
    '<key-name>',
    '--provider',
    '--bits',
    '--from',
    '--encrypted',
    '--from-passphrase-file',
  ],
  'keyring import-cng': ['<key-name>', '<file>', '--provider'],
  'keyring export-public': ['<key-name>', '--provider', '--format', '--out', 'cng'],
  'keyring export-cng': ['<key-name>', '<file>', '--provider', '--unencrypted'],
  'keyring list': [],
  'keyring test': ['[key-name]', '--provider', '--padding', '--ciphertext-file', 'oaepSha512'],
  'ca roll': ['--id', '--at', '--after', '--new-root', '--name', '--cancel'],
  'check-config': ['--json', '--online'],
  'import add': [
    '<pfx-file>',
    '--user',
    '--key',
    '--provider',
    '--public-key-file',
    '--purpose',
    '--padding',
    '--password-file',
    '--new-password',
    '--pfx-encryption',
    '--allow-expired',
    '--replace',
    '--dry-run',
    '--at',
    'smimeEncryption',
  ],
  'import list': ['--user', '--json', '--at'],
  'import remove': ['<thumbprint>', '--user', '--at'],
  'import status': ['--user', '--at'],
  status: ['--json'],
  drain: ['--end'],
  leave: [],
  events: ['--follow', '--id', '--transaction', '--channel', '--since', '--limit', '--json'],
  requests: ['--all'],
  approve: ['<id>'],
  deny: ['<id>', '--reason'],
  revoke: ['<serial-or-thumbprint>', '--ca', '--reason', '--release'],
  'page-user': ['<name>'],
  capture: ['--profile', '--for', '--messages', '--stop'],
  'outbox list': ['--all'],
  'outbox redeliver': ['[id]'],
  'spool list': [],
  'spool replay': [],
  backup: ['<file>'],
}

function listLeaves(command: Command, path: readonly string[] = []): [string, Command][] {
  return command.commands.flatMap((below): [string, Command][] => {
    const name = [...path, below.name()]
    return below.commands.length > 0 ? listLeaves(below, name) : [[name.join(' '), below]]
  })
}

describe('help', () => {
  const leaves = listLeaves(createProgram()).filter(([name]) => name !== 'docs')

  test('the commands are those that are promised', () => {
    assert.deepEqual(leaves.map(([name]) => name).sort(), Object.keys(promised).sort())
  })

  for (const [name, command] of leaves)
    test(`${name} --help names its options and says what it does`, () => {
      const help = command.helpInformation()
      assert.ok(command.description().length > 10)
      for (const word of promised[name] ?? []) assert.ok(help.includes(word), word)
      const named = command.options.map(({ long }) => long)
      const unknown = named.filter((long) => !(promised[name] ?? []).includes(long ?? ''))
      assert.deepEqual(unknown, [], 'options without a promise')
    })

  test('--help ends with 0, names every command and the exit codes', async () => {
    const { code, out, err } = await runCommand(['--help'], { cwd: tmpdir() })
    assert.equal(code, 0)
    assert.equal(err, '')
    for (const name of Object.keys(promised)) assert.ok(out.includes(name.split(' ')[0] ?? ''))
    assert.match(out, /Exit codes: 0 done; 1 .*; 2 /)
  })

  for (const words of [
    ['nonsense'],
    ['ca', 'nonsense'],
    ['ca', 'init', '--key', 'rsa512'],
    ['events', '--id', 'many'],
    ['backup'],
    ['enrol', '--url', 'scep.example.org'],
    ['enrol', '--cipher', 'rot13'],
    ['enrol', '--key-transport', 'rot13'],
    ['enrol', '--root-fingerprint', '00'],
    ['challenge', '--valid-minutes', 'many'],
    ['challenge', '--profile', 'a', '--subject', 'CN=b'],
    ['revoke', '00', '--release', '--reason', 'superseded'],
  ])
    test(`${words.join(' ')} is wrong usage: exit code 2 and the way to help`, async () => {
      const { code, out, err } = await runCommand(words, { cwd: tmpdir() })
      assert.equal(code, 2)
      assert.equal(out, '')
      assert.match(err, /error: /)
      assert.match(err, /--help/)
    })
})
