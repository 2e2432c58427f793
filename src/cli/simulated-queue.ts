import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { ConnectorError } from '../kernel/index.ts'

const CALL_MS = 10_000
const LOOK_MS = 200

const payload = z.object({
  encryptedPfxBlob: z.string(),
  encryptedPfxPassword: z.string(),
  deviceKeyThumbprint: z.string(),
})

const result = z.object({
  succeeded: z.boolean(),
  errorCode: z.string(),
  errorMessage: z.string().nullish(),
  serialNumber: z.string().optional(),
  issuerName: z.string().optional(),
  thumbprint: z.string().optional(),
  payload: payload.optional(),
  escrowPayload: z.object({ cms: z.string() }).nullish(),
})

const item = z.object({
  requestContext: z.string(),
  deviceId: z.string(),
  state: z.string(),
  results: z.array(z.object({ result })),
})

const device = z.object({
  deviceId: z.string(),
  thumbprint: z.string(),
  certificatePem: z.string(),
  privateKeyPem: z.string(),
})

const connector = z.object({ state: z.string(), features: z.object({ pkcs: z.boolean() }) })

/** An item of a queue of the simulator, as its control calls show it. */
export type SimulatedItem = z.output<typeof item>

/** What came back for one. */
export type SimulatedResult = z.output<typeof result>

/** A device of the simulator with its key. */
export type DeviceOfSimulator = z.output<typeof device>

/** The control calls of a simulator that the demonstration needs. */
export interface SimulatedQueue {
  /** Waits until a connector is there that makes PKCS certificates; false when the time is over. */
  waitForConnector(withinMs: number): Promise<boolean>
  queue(kind: 'pkcs' | 'pkcsRecrypt', order: object): Promise<SimulatedItem>
  list(kind: 'pkcs' | 'pkcsRecrypt'): Promise<readonly SimulatedItem[]>
  /** Waits until the service has a result that counts; undefined when the time is over. */
  waitForResult(
    kind: 'pkcs' | 'pkcsRecrypt',
    requestContext: string,
    withinMs: number,
  ): Promise<SimulatedResult | undefined>
  /** A new device, or a new key for one. */
  issueKey(deviceId?: string): Promise<DeviceOfSimulator>
  /** What a device makes of a CMS message, with its present key; undefined: it cannot open it. */
  open(deviceId: string, cms: string): Promise<Uint8Array | undefined>
}

async function send(url: string, method: 'GET' | 'POST', body: object | undefined) {
  try {
    const response = await fetch(url, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_MS),
      redirect: 'error',
    })
    return { isOk: response.ok, status: response.status, text: await response.text() }
  } catch (cause) {
    throw noSimulator(url, cause)
  }
}

function noSimulator(url: string, cause: unknown): ConnectorError {
  return new ConnectorError(
    'management/unavailable',
    `no answer of the simulator from ${url}; is it running (certconnector serve without a configuration, or simulate)?`,
    { cause, isTransient: true },
  )
}

/**
 * @param controlUrl base, as `http://127.0.0.1:8090`
 * @throws ConnectorError `management/unavailable` of every call: no answer, or none of a simulator
 * @throws ConnectorError `management/bad-response` it refuses the call, and says why
 */
export function createSimulatedQueue(controlUrl: string): SimulatedQueue {
  async function call<T>(
    method: 'GET' | 'POST',
    path: string,
    answer: z.ZodType<T>,
    body?: object,
  ): Promise<T> {
    const url = new URL(`/control/${path}`, controlUrl).href
    const { isOk, status, text } = await send(url, method, body)
    if (!isOk)
      throw new ConnectorError(
        'management/bad-response',
        `the simulator refuses ${url}: HTTP ${status}: ${text.slice(0, 200)}`,
      )
    try {
      return answer.parse(JSON.parse(text))
    } catch (cause) {
      throw noSimulator(url, cause)
    }
  }

  async function list(kind: 'pkcs' | 'pkcsRecrypt'): Promise<readonly SimulatedItem[]> {
    return (await call('GET', `work/${kind}`, z.object({ value: z.array(item) }))).value
  }

  return {
    async waitForConnector(withinMs) {
      const answer = z.object({ value: z.array(connector) })
      for (const until = Date.now() + withinMs; Date.now() < until; await sleep(LOOK_MS)) {
        const { value } = await call('GET', 'connectors', answer)
        if (value.some(({ state, features }) => state === 'active' && features.pkcs)) return true
      }
      return false
    },
    queue: async (kind, order) => await call('POST', `work/${kind}`, item, order),
    list,
    async waitForResult(kind, requestContext, withinMs) {
      for (const until = Date.now() + withinMs; Date.now() < until; await sleep(LOOK_MS)) {
        const found = (await list(kind)).find((one) => one.requestContext === requestContext)
        if (found !== undefined && ['succeeded', 'failedFinal'].includes(found.state))
          return found.results.at(-1)?.result
      }
      return undefined
    },
    issueKey: async (deviceId) =>
      await call('POST', 'devices', device, deviceId === undefined ? {} : { deviceId }),
    async open(deviceId, cms) {
      const opened = z.object({ content: z.string() })
      const path = `devices/${encodeURIComponent(deviceId)}/open`
      const answer = await call('POST', path, opened, { cms }).catch(() => undefined)
      return answer === undefined
        ? undefined
        : new Uint8Array(Buffer.from(answer.content, 'base64'))
    },
  }
}
