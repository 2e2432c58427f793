import { type OpenedReply, openReply } from '../../src/cli/enrolment-client/index.ts'
import type { RandomSource } from '../property/scep/random-source.ts'
import type { Order, OrderBook } from './order-book.ts'

/** Devices that enrol side by side and never give up. */
export interface Clients {
  /** Finishes what was sent and not answered; nothing new. Resolves when every order is answered. */
  finish(): Promise<void>
  /** Ends all waiting at once. */
  abandon(): void
  /** Attempts that got no answer: the connector was dead, died over them, or was overloaded. */
  readonly unanswered: number
}

/** Of so many requests one is sent again although it was answered before. */
const REPEAT_ONE_OF = 8
const PAUSE_MS = 100
const ANSWER_TIMEOUT_MS = 60_000

/** Starts `count` of them. Each sends one request at a time, the same octets until a CertRep comes back. */
export function startClients(
  count: number,
  book: OrderBook,
  deviceUrl: string,
  random: RandomSource,
): Clients {
  const abandoned = new AbortController()
  let isFinishing = false
  let unanswered = 0

  async function useClient(): Promise<void> {
    while (!isFinishing && !abandoned.signal.aborted) {
      const order = choose()
      if (order === undefined) await pause()
      else await sendUntilAnswered(order)
    }
  }

  function choose(): Order | undefined {
    if (random.below(REPEAT_ONE_OF) === 0) {
      const again = book.pickAnswered(random)
      if (again !== undefined) return again
    }
    return book.takeNew()
  }

  async function sendUntilAnswered(order: Order): Promise<void> {
    for (const already = countAnswers(order); countAnswers(order) === already; ) {
      if (abandoned.signal.aborted) return
      if (await sendOnce(order, book, deviceUrl, abandoned.signal)) continue
      unanswered += 1
      await pause()
    }
    if (countAnswers(order) === 1) book.recordAnswered(order)
  }

  const work = Promise.all(Array.from({ length: count }, () => useClient()))
  // Awaited by `finish`; until then a failure must not end the process before the connector is stopped.
  work.catch(() => abandoned.abort())
  return {
    async finish() {
      isFinishing = true
      await work
    },
    abandon: () => abandoned.abort(),
    get unanswered() {
      return unanswered
    },
  }
}

/**
 * Sends the octets of an order once and files what was answered.
 *
 * @returns false when there was no CertRep: no connection, a broken one, or HTTP 503
 * @throws Error an HTTP status that no SCEP server may answer here, or a CertRep that does not open
 */
export async function sendOnce(
  order: Order,
  book: OrderBook,
  deviceUrl: string,
  signal: AbortSignal,
): Promise<boolean> {
  order.sent += 1
  const reply = await post(
    `${deviceUrl}/scep/${order.profile}?operation=PKIOperation`,
    order.request.messageDer,
    signal,
  )
  if (reply === undefined) return false
  const { request } = order
  fileReply(
    order,
    openReply(reply, {
      raCertificatesDer: book.raCertificatesDer,
      transactionId: request.transactionId,
      senderNonce: request.senderNonce,
      signer: request.signer,
    }),
  )
  return true
}

function fileReply(order: Order, reply: OpenedReply): void {
  if (reply.kind === 'issued') {
    const [certificate] = reply.certificatesDer
    if (certificate === undefined)
      throw new Error(`${order.request.transactionId}: SUCCESS without a certificate`)
    order.certificates.push(certificate)
  } else if (reply.kind === 'refused') order.refusals.push(`${reply.failInfo} ${reply.text ?? ''}`)
  else throw new Error(`${order.request.transactionId}: PENDING, which the profile does not know`)
}

async function post(
  url: string,
  messageDer: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  let status: number
  let body: Uint8Array
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-pki-message' },
      body: Uint8Array.from(messageDer),
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
    })
    status = answer.status
    body = new Uint8Array(await answer.arrayBuffer())
  } catch {
    // Nobody there, or the connector died with the request in its hands.
    return undefined
  }
  if (status === 200) return body
  if (status === 503) return undefined
  throw new Error(`HTTP ${status}: ${Buffer.from(body.subarray(0, 200)).toString('latin1')}`)
}

function countAnswers({ certificates, refusals }: Order): number {
  return certificates.length + refusals.length
}

async function pause(): Promise<void> {
  await new Promise((wake) => setTimeout(wake, PAUSE_MS))
}
