import type { Clock } from '../../kernel/index.ts'
import type { Answer, Call } from '../wire/answer.ts'
import { changeBody, enrolBody, renewBody } from './bodies.ts'
import { type Connector, type ConnectorRegister, maxConnectors } from './connectors.ts'
import { type CheckedRequest, checkRequest, type FleetCa } from './fleet-ca.ts'
import { readCall, recogniseCaller, serviceError } from './gate.ts'
import type { OpenServiceSettings } from './settings.ts'

/** What enrolment is made of. */
export interface EnrolmentParts {
  readonly connectors: ConnectorRegister
  readonly fleetCa: FleetCa
  readonly settings: { current: OpenServiceSettings }
  readonly clock: Clock
}

/** Enrolment, renewal and change of connectors. */
export class EnrolmentService {
  readonly #parts: EnrolmentParts

  constructor(parts: EnrolmentParts) {
    this.#parts = parts
  }

  /** Lets a connector in by its token. */
  async enrol(call: Call): Promise<Answer> {
    const read = readCall(call, enrolBody)
    if ('status' in read) return read
    const requests = await this.#checkRequests(call, read.body)
    if ('status' in requests) return requests
    const { enrollmentToken, displayName, machineName, connectorVersion, features } = read.body
    const connector = this.#parts.connectors.enrol(enrollmentToken, {
      displayName,
      machineName,
      connectorVersion,
      features,
      keySha256: requests.agent.keySha256,
    })
    if (connector === 'bad-token')
      return serviceError(call, 401, 'BadEnrollmentToken', 'The token is unknown, used or expired.')
    if (connector === 'too-many')
      return serviceError(
        call,
        409,
        'TooManyConnectors',
        `A tenant has at most ${maxConnectors} connectors.`,
      )
    return await this.#issue(connector, requests, 201)
  }

  /** Gives a connector new certificates. */
  async renew(call: Call): Promise<Answer> {
    const own = this.#recogniseOwner(call, /\/connectors\/([^/]+)\/renew$/)
    if ('status' in own) return own
    const read = readCall(call, renewBody)
    if ('status' in read) return read
    const requests = await this.#checkRequests(call, read.body)
    if ('status' in requests) return requests
    return await this.#issue(own.connector, requests, 200)
  }

  /** Changes what is known of a connector. */
  change(call: Call): Answer {
    const own = this.#recogniseOwner(call, /\/connectors\/([^/]+)$/)
    if ('status' in own) return own
    const read = readCall(call, changeBody)
    if ('status' in read) return read
    const said = Object.fromEntries(
      Object.entries(read.body).filter(([, value]) => value !== undefined),
    )
    const changed = this.#parts.connectors.change(own.connector.id, said) ?? own.connector
    return { status: 200, json: this.describe(changed) }
  }

  /** Strikes a connector off; what it holds goes back to the queues when its loans end. */
  leave(call: Call): Answer {
    const own = this.#recogniseOwner(call, /\/connectors\/([^/]+)$/)
    if ('status' in own) return own
    this.#parts.connectors.remove(own.connector.id)
    return { status: 204 }
  }

  /** The resource of the contract. */
  describe(connector: Connector): Readonly<Record<string, unknown>> {
    return {
      '@odata.type': '#ocs.connector',
      id: connector.id,
      displayName: connector.displayName,
      machineName: connector.machineName,
      connectorVersion: connector.connectorVersion,
      enrolledDateTime: connector.enrolledAt.toISOString(),
      lastConnectionDateTime: connector.lastConnectionAt.toISOString(),
      state: this.#parts.connectors.stateOf(connector),
      features: connector.features,
      paused: connector.paused,
      routingTags: connector.routingTags,
      keyRing: connector.keyRing,
      encryptionCertificateThumbprintSha256: connector.encryptionSha256,
    }
  }

  #recogniseOwner(call: Call, path: RegExp): { readonly connector: Connector } | Answer {
    const caller = recogniseCaller(call, this.#parts.connectors)
    if ('status' in caller) return caller
    if (path.exec(call.path)?.[1] === caller.connector.id) return caller
    return serviceError(call, 403, 'Forbidden', 'That is another connector.')
  }

  async #checkRequests(
    call: Call,
    body: { readonly csr: string; readonly encryptionPublicKeyCsr: string },
  ): Promise<{ agent: CheckedRequest; encryption: CheckedRequest } | Answer> {
    const agent = await checkRequest(body.csr)
    const encryption = await checkRequest(body.encryptionPublicKeyCsr)
    if (agent && encryption?.algorithm === 'rsa') return { agent, encryption }
    const target = agent ? 'encryptionPublicKeyCsr' : 'csr'
    return serviceError(call, 400, 'ParameterDataInvalid', 'A request cannot be used.', [
      { target, code: 'BadRequest', message: 'no PKCS #10 that proves possession of its key' },
    ])
  }

  async #issue(
    connector: Connector,
    requests: { readonly agent: CheckedRequest; readonly encryption: CheckedRequest },
    status: number,
  ): Promise<Answer> {
    const { fleetCa, connectors, settings, clock } = this.#parts
    const now = clock.now()
    const notAfter = new Date(now.getTime() + settings.current.certificateHours * 3_600_000)
    const validity = { now, notAfter }
    const agent = await fleetCa.issueFor(requests.agent, 'tls-client', connector.id, validity)
    const encryption = await fleetCa.issueFor(
      requests.encryption,
      'encryption',
      connector.id,
      validity,
    )
    const kept = connectors.recordCertificates(connector.id, agent.sha256, encryption, notAfter)
    return {
      status,
      json: {
        connector: this.describe(kept ?? connector),
        certificate: agent.pem,
        encryptionCertificate: encryption.pem,
        chain: fleetCa.certificatePem,
      },
    }
  }
}
