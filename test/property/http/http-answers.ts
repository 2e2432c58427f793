import { connect, type Socket } from 'node:net'

/** An answer as it came. */
export interface HttpAnswer {
  readonly status: number
  readonly mediaType: string
  readonly body: Buffer
  /** The server ends the connection after it. */
  readonly isLast: boolean
}

/** One connection after the other to a server; each request gets what came back until its answer was whole. */
export interface Lane {
  /**
   * @param isLast ends our side after the bytes, and reads until the server ends its own
   * @returns every whole answer; none where the server ended the connection without a word
   * @throws Error no whole answer within the time, or the port is closed
   */
  exchange(bytes: Uint8Array, isLast: boolean, withinMs: number): Promise<readonly HttpAnswer[]>
  close(): void
}

/** Opens connections when they are needed: the server ends them after a request that it cannot frame. */
export function openLane(port: number): Lane {
  let socket: Socket | undefined

  async function open(): Promise<Socket> {
    const fresh = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    await new Promise<void>((resolve, reject) => {
      fresh.once('connect', resolve).once('error', reject)
    })
    return fresh
  }

  function exchangeOn(used: Socket, bytes: Uint8Array, isLast: boolean, withinMs: number) {
    return new Promise<readonly HttpAnswer[]>((resolve, reject) => {
      let received = Buffer.alloc(0)
      const finish = (isOver: boolean): void => {
        clearTimeout(timer)
        used.removeAllListeners()
        // An error after the end of an exchange is nobody's: the next exchange opens anew.
        used.on('error', () => undefined)
        const answers = parseAnswers(received)
        if (isOver || isLast || answers.some((answer) => answer.isLast)) {
          used.destroy()
          socket = undefined
        } else socket = used
        resolve(answers)
      }
      const timer = setTimeout(() => {
        used.destroy()
        socket = undefined
        reject(new Error(`no whole answer within ${withinMs} ms; ${received.length} octets`))
      }, withinMs)
      used.on('data', (chunk: Buffer) => {
        received = Buffer.concat([received, chunk])
        if (!isLast && parseAnswers(received).length > 0) finish(false)
      })
      for (const end of ['end', 'error', 'close']) used.on(end, () => finish(true))
      if (isLast) used.end(bytes)
      else used.write(bytes)
    })
  }

  return {
    async exchange(bytes, isLast, withinMs) {
      const kept = socket
      if (kept !== undefined && !kept.destroyed) {
        const answers = await exchangeOn(kept, bytes, isLast, withinMs)
        // The server may have ended an idle connection at that moment: any client tries once more.
        if (answers.length > 0) return answers
      }
      return await exchangeOn(await open(), bytes, isLast, withinMs)
    },
    close: () => socket?.destroy(),
  }
}

/** The whole answers at the front of what was received; framed by Content-Length, which every answer has (REQ-15). */
function parseAnswers(received: Buffer): readonly HttpAnswer[] {
  const found: HttpAnswer[] = []
  for (let rest = received; rest.length > 0; ) {
    const headEnd = rest.indexOf('\r\n\r\n')
    if (headEnd < 0) break
    const head = rest.subarray(0, headEnd).toString('latin1')
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1])
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? Number.NaN)
    const end = headEnd + 4 + length
    if (!(end <= rest.length)) break
    const mediaType = /^content-type: (.*)$/im.exec(head)?.[1] ?? ''
    found.push({
      status,
      mediaType,
      body: rest.subarray(headEnd + 4, end),
      isLast: /^connection: close\r?$/im.test(head),
    })
    rest = rest.subarray(end)
  }
  return found
}
