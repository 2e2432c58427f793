import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import { loadSecretInput, type Terminal } from '../../../src/cli/secret-input.ts'
import { createFolder, writeSecretFile } from '../ca/ca-fixtures.ts'

/** A terminal on which a person types these chunks. */
function typing(...chunks: string[]): Terminal & { shown(): string; modes: boolean[] } {
  const input = new PassThrough()
  for (const chunk of chunks) input.write(chunk)
  const modes: boolean[] = []
  let shown = ''
  return {
    input: Object.assign(input, {
      isTTY: true,
      setRawMode(mode: boolean) {
        modes.push(mode)
        return input
      },
    }) as unknown as Terminal['input'],
    output: {
      write(text) {
        shown += text
      },
    },
    shown: () => shown,
    modes,
  }
}

describe('secret input', () => {
  test('a file gives its first line with every space; the terminal is not asked', async () => {
    using folder = createFolder()
    const file = writeSecretFile(folder.path, 'secret', ' two spaces \r\nnot this\n')
    const terminal = typing()
    const secret = await loadSecretInput(file, 'Password', '--password-file', terminal)
    assert.equal(secret.reveal(), ' two spaces ')
    assert.equal(terminal.shown(), '')
  })

  test('a file that others can read, an empty one and one that is not UTF-8 are refused', async () => {
    using folder = createFolder()
    for (const [file, pattern] of [
      [writeSecretFile(folder.path, 'open', 'x\n', 0o644), /chmod 600/],
      [writeSecretFile(folder.path, 'empty', '\n'), /empty first line/],
    ] as const)
      await assert.rejects(loadSecretInput(file, 'Password', '--password-file', typing()), {
        code: 'key/unreadable',
        message: pattern,
      })
  })

  test('typed text is not shown, backspace takes back, and the terminal is left as it was', async () => {
    const terminal = typing('pä', 'ss\u007f', 'x🔑\r')
    const secret = await loadSecretInput(undefined, 'Password', '--password-file', terminal)
    assert.equal(secret.reveal(), 'päsx🔑')
    assert.equal(terminal.shown(), 'Password: \n')
    assert.deepEqual(terminal.modes, [true, false])
  })

  for (const [title, terminal] of [
    ['Ctrl-C', typing('half\u0003')],
    ['Enter alone', typing('\r')],
  ] as const)
    test(`${title} gives nothing`, async () => {
      await assert.rejects(loadSecretInput(undefined, 'Password', '--password-file', terminal), {
        code: 'config/invalid',
        message: /nothing was given/,
      })
      assert.deepEqual(terminal.modes, [true, false])
    })

  test('without a terminal the option that takes a file is named', async () => {
    const terminal = typing()
    Object.assign(terminal.input, { isTTY: false })
    await assert.rejects(loadSecretInput(undefined, 'Password', '--password-file', terminal), {
      message: /--password-file/,
    })
  })
})
