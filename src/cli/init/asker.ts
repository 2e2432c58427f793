import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { ConnectorError } from '../../kernel/index.ts'

/** Where questions are asked. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly output: NodeJS.WritableStream & { readonly columns?: number }
}

/** Asks a person, one line at a time. */
export interface Asker {
  say(text: string): void
  /** @throws ConnectorError `config/invalid` the input ended */
  ask(prompt: string): Promise<string>
  /** The same without showing what is typed. */
  askHidden(prompt: string): Promise<string>
  close(): void
}

/** Opens the terminal. What is typed is kept in no history. */
export function createAsker({ input, output }: Terminal): Asker {
  let isHidden = false
  const shown = Object.assign(
    new Writable({
      write(chunk, _encoding, done) {
        if (!isHidden) output.write(chunk)
        done()
      },
    }),
    { columns: output.columns ?? 80 },
  )
  const lines = createInterface({ input, output: shown, terminal: true, historySize: 0 })
  const typed = lines[Symbol.asyncIterator]()
  // Ctrl-C ends the questions, not the process in the middle of a file.
  lines.on('SIGINT', () => lines.close())

  async function read(): Promise<string> {
    const { value, done } = await typed.next()
    if (done !== true) return value
    throw new ConnectorError('config/invalid', 'the questions were ended; nothing was written')
  }

  return {
    say: (text) => void output.write(text),
    async ask(prompt) {
      lines.setPrompt(prompt)
      lines.prompt()
      return (await read()).trim()
    },
    async askHidden(prompt) {
      output.write(prompt)
      lines.setPrompt('')
      isHidden = true
      try {
        return await read()
      } finally {
        isHidden = false
        output.write('\n')
      }
    },
    close: () => lines.close(),
  }
}
