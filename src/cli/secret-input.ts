import type { ReadStream } from 'node:tty'
import { ConnectorError, Secret } from '../kernel/index.ts'

const MAX_CHARACTERS = 1024

/** Where a secret comes from when no file is named. */
export interface Terminal {
  readonly input: Pick<ReadStream, 'isTTY' | 'setRawMode' | 'setEncoding' | 'pause' | 'resume'> &
    AsyncIterable<string>
  readonly output: { write(text: string): unknown }
}

/**
 * A secret from a file, or asked for on the terminal without showing it. Never from an argument: those are seen by every
 * account of the machine.
 *
 * @param option name of the option that takes a file, for the message
 * @throws ConnectorError `config/invalid` no file, and there is no terminal or nothing was typed; `key/unreadable` the file
 */
export async function loadSecretInput(
  file: string | undefined,
  what: string,
  option: string,
  terminal: Terminal = { input: process.stdin, output: process.stderr },
): Promise<Secret> {
  if (file !== undefined) {
    const { loadSecretLine } = await import('../keys/index.ts')
    return await loadSecretLine(file)
  }
  if (!terminal.input.isTTY)
    throw new ConnectorError(
      'config/invalid',
      `${what}: there is no terminal to ask on; name a file that only you can read with ${option}`,
    )
  terminal.output.write(`${what}: `)
  const text = await readHidden(terminal.input)
  terminal.output.write('\n')
  if (text !== undefined && text !== '') return new Secret(text)
  throw new ConnectorError('config/invalid', `${what}: nothing was given`)
}

/** What is typed until Enter; undefined for Ctrl-C and Ctrl-D. Backspace takes back, nothing is echoed. */
async function readHidden(input: Terminal['input']): Promise<string | undefined> {
  input.setRawMode(true)
  input.setEncoding('utf8')
  const typed: string[] = []
  try {
    for await (const chunk of input)
      for (const character of chunk) {
        if (character === '\r' || character === '\n') return typed.join('')
        if (character === '\u0003' || character === '\u0004') return undefined
        if (character === '\u007f' || character === '\b') typed.pop()
        else if (typed.length < MAX_CHARACTERS) typed.push(character)
      }
    return undefined
  } finally {
    input.setRawMode(false)
    input.pause()
  }
}
