import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, type Dispatcher, request } from 'undici'
import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../../src/simulator/index.ts'

/** An answer with its body read. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** Undefined when the body is no JSON. */
  readonly json: unknown
}

/** A member of JSON by its path; undefined where there is none. */
export function pick(json: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, name) =>
      typeof at === 'object' && at !== null ? new Map(Object.entries(at)).get(name) : undefined,
    json,
  )
}

/** A text by its path; a test that looks for one fails when there is none. */
export function textAt(json: unknown, ...path: readonly string[]): string {
  const found = pick(json, ...path)
  assert.equal(typeof found, 'string', `${path.join('.')} is a text`)
  return String(found)
}

/** An array by its path. */
export function listAt(json: unknown, ...path: readonly string[]): unknown[] {
  const found = pick(json, ...path)
  assert.ok(Array.isArray(found), `${path.join('.')} is an array`)
  return found
}

/** The wire as a plain HTTPS client sees it: no code of `src/management`. */
export class WireClient {
  readonly simulator: Simulator
  readonly agent: Agent
  readonly #dataDir: string

  private constructor(simulator: Simulator, dataDir: string) {
    this.simulator = simulator
    this.#dataDir = dataDir
    this.agent = new Agent({ connect: { ca: simulator.caPem } })
  }

  /** Starts a simulator on free ports, with its own folder. */
  static async start(options: Partial<SimulatorOptions> = {}): Promise<WireClient> {
    const dataDir = await mkdtemp(join(tmpdir(), 'simulator-'))
    const ports = { httpsPort: 0, controlPort: 0 }
    return new WireClient(await startSimulator({ dataDir, ...ports, ...options }), dataDir)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.simulator.close()
    await this.agent.close()
    await rm(this.#dataDir, { recursive: true, force: true })
  }

  /** Any call; objects go out as JSON. */
  async send(
    method: Dispatcher.HttpMethod,
    url: string,
    body?: object | string | Buffer,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ): Promise<Reply> {
    const isJson = typeof body === 'object' && !Buffer.isBuffer(body)
    const answer = await request(url, {
      method,
      dispatcher: this.agent,
      headers: isJson ? { 'content-type': 'application/json', ...headers } : headers,
      ...(body === undefined ? {} : { body: isJson ? JSON.stringify(body) : body }),
      ...(signal ? { signal } : {}),
    })
    const text = await answer.body.text()
    return { status: answer.statusCode, headers: answer.headers, text, json: parse(text) }
  }

  /** A control call. */
  async control(method: Dispatcher.HttpMethod, path: string, body?: object): Promise<Reply> {
    return await this.send(method, `${this.simulator.controlUrl}/control/${path}`, body)
  }

  /** A form to a token endpoint, by default a good one of the default app. */
  async postToken(change: Record<string, string | undefined> = {}, path?: string): Promise<Reply> {
    const { authorityUrl, tenantId, clientId, clientSecret } = this.simulator
    const form = {
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope: 'https://api.manage.microsoft.com//.default',
      ...change,
    }
    const given = Object.entries(form).filter((entry): entry is [string, string] => !!entry[1])
    return await this.send(
      'POST',
      `${authorityUrl}${path ?? `${tenantId}/oauth2/v2.0/token`}`,
      new URLSearchParams(given).toString(),
      { 'content-type': 'application/x-www-form-urlencoded' },
    )
  }

  /** An access token for a scope. */
  async getToken(change: Record<string, string> = {}, path?: string): Promise<string> {
    return textAt((await this.postToken(change, path)).json, 'access_token')
  }

  /** URIs that are right now, by the control listener. */
  async getServiceUris(): Promise<{ scepUri: string; pkiUri: string }> {
    const { json } = await this.control('GET', 'discovery')
    return { scepUri: textAt(json, 'scepUri'), pkiUri: textAt(json, 'pkiUri') }
  }

  /** A POST to the SCEP service or the CA requests with the usual headers. */
  async postIntune(
    suffix: string,
    body: object | string | Buffer,
    headers: Record<string, string> = {},
  ): Promise<Reply> {
    const { scepUri, pkiUri } = await this.getServiceUris()
    const isScep = suffix.startsWith('ScepActions')
    const authorization =
      headers['authorization'] === undefined ? `Bearer ${await this.getToken()}` : ''
    return await this.send('POST', `${isScep ? scepUri : pkiUri}/${suffix}`, body, {
      authorization,
      'api-version': isScep ? '2018-02-20' : '5019-05-05',
      ...headers,
    })
  }

  /** The code that validateRequest answers. */
  async validate(certificateRequest: string, transactionId = 'tx'): Promise<Reply> {
    return await this.postIntune('ScepActions/validateRequest', {
      request: { transactionId, certificateRequest, callerInfo: 'test/1.0' },
    })
  }

  /** A challenge by control call. */
  async mint(order: object = {}): Promise<string> {
    return textAt((await this.control('POST', 'challenges', order)).json, 'challenge')
  }

  /** Records of a list, by query. */
  async list(path: string): Promise<unknown[]> {
    return listAt((await this.control('GET', path)).json, 'value')
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A body that is no JSON is what some tests are about; they look at `text`.
    return undefined
  }
}
