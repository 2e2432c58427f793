import { Secret } from '../../../../src/kernel/index.ts'
import {
  createIntune,
  type IntuneClient,
  type IntuneOptions,
} from '../../../../src/management/index.ts'
import type {
  ChallengeToValidate,
  FailureNotification,
  SuccessNotification,
} from '../../../../src/management/ports.ts'
import { type ScriptedHttps, startScriptedHttps } from '../../../support/scripted-https.ts'

export const TENANT = 'contoso.onmicrosoft.com'
export const CLIENT_ID = '11111111-2222-4333-8444-555555555555'
export const CLIENT_SECRET = 'MARKED~client.secret-7h3'
export const ACTIVITY = '99999999-aaaa-4bbb-8ccc-dddddddddddd'
export const CHALLENGE = 'MARKED-challenge-blob'
export const PROVIDER = 'certificate-connector/0.1.0'
export const CSR_DER = new Uint8Array([0x30, 0x03, 0x02, 0x01, 0xff])
export const CSR_BASE64 = 'MAMCAf8='
/** A signal that never aborts. */
export const patient = new AbortController().signal

/** A client against a scripted server, with a clock that only pauses and tests move. */
export interface Bench extends AsyncDisposable {
  readonly server: ScriptedHttps
  readonly client: IntuneClient
  /** Milliseconds of every pause; none was really waited for. */
  readonly pauses: readonly number[]
  advance(ms: number): void
}

export const request: ChallengeToValidate = {
  profile: 'default',
  requestKey: 'request',
  transactionId: 'tx-1',
  csrDer: CSR_DER,
  challenge: CHALLENGE,
  activityId: ACTIVITY,
}

export const success: SuccessNotification = {
  kind: 'success',
  transactionId: 'tx-1',
  csrDer: CSR_DER,
  thumbprintHex: '0123456789ABCDEF0123456789ABCDEF01234567',
  serialHex: '0A1B',
  notAfter: new Date('2027-01-02T03:04:05.000Z'),
  issuer: 'CN=Issuing CA',
  certificateAuthority: 'Issuing CA',
  caConfiguration: 'connector-ca/default',
}

export const failure: FailureNotification = {
  kind: 'failure',
  transactionId: 'tx-1',
  csrDer: CSR_DER,
  hResult: 0x8000ffff,
  errorDescription: 'the CA did not answer',
}

/** Starts server and client. `change` sees the server, so that options can name it. */
export async function startBench(
  change: (server: ScriptedHttps) => Partial<IntuneOptions> = () => ({}),
): Promise<Bench> {
  const server = await startScriptedHttps()
  const pauses: number[] = []
  let now = Date.parse('2026-06-01T12:00:00Z')
  const options: IntuneOptions = {
    tenant: TENANT,
    clientId: CLIENT_ID,
    credential: { secret: new Secret(CLIENT_SECRET) },
    provider: PROVIDER,
    cloud: {
      authorityUrl: `${server.url}/`,
      graphUrl: `${server.url}/`,
      intuneResourceUrl: 'https://api.manage.microsoft.com/',
    },
    trustedCaPem: server.caPem,
    allowedHostSuffixes: ['127.0.0.1'],
    clock: { now: () => new Date(now) },
    random: () => 0.5,
    pause: async (ms) => {
      pauses.push(ms)
      now += ms
      await Promise.resolve()
    },
    ...change(server),
  }
  const client = await openClient(server, options)
  return {
    server,
    client,
    pauses,
    advance(ms) {
      now += ms
    },
    async [Symbol.asyncDispose]() {
      await client.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** A client that cannot be made must not leave its server behind. */
async function openClient(server: ScriptedHttps, options: IntuneOptions): Promise<IntuneClient> {
  try {
    return createIntune(options)
  } catch (cause) {
    await server[Symbol.asyncDispose]()
    throw cause
  }
}
