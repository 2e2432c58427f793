import { Writable } from 'node:stream'
import { type Logger, pino } from 'pino'

/** A logger that keeps its lines for a test to read. */
export function captureLog(): { readonly logger: Logger; readonly text: () => string } {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString())
      done()
    },
  })
  return { logger: pino({ level: 'trace' }, stream), text: () => lines.join('') }
}
