import { createPrivateKey, type KeyObject, randomUUID } from 'node:crypto'
import { ConnectorError } from '../../kernel/index.ts'
import {
  type Agent,
  type AgentRecord,
  MAX_EARLIER,
  parseAgentRecord,
  renewalDueAt,
} from './agent-record.ts'
import type { ServiceConnection } from './connection.ts'
import type { OpenServiceOptions } from './options.ts'
import { type AgentKeyUse, createSigningRequest, generateAgentKey } from './signing-request.ts'
import { verifyAgent } from './verify-agent.ts'
import { operations } from './wire/operations.ts'

/** What `keepEnrolled` did. */
export type EnrolmentStep = 'enrolled' | 'renewed' | 'unchanged'

/** A key that content is encrypted to, and the certificate that names it to senders. */
export interface EncryptionIdentity {
  readonly key: KeyObject
  readonly certificatePem: string
}

/** Gets and keeps the connector's two certificates. */
export interface Enrolment {
  /** The identity in use; undefined before the first enrolment. */
  current(): Agent | undefined
  /**
   * Reads what is on the disk, and asks nobody.
   *
   * @returns false where nothing is
   * @throws ConnectorError `key/unreadable` record or keys on the disk are damaged
   */
  restore(): Promise<boolean>
  /**
   * Reads what is on the disk, enrols where there is nothing, renews where two thirds of the life are over. Keys are
   * durable before their request leaves, and are used again after a crash: the service knows them and answers with the
   * same connector. Safe to call at any time; not two at once.
   *
   * @throws ConnectorError `key/unreadable` record or keys on the disk are damaged
   * @throws ConnectorError `management/misconfigured` there is no enrolment token, and none of before
   * @throws ConnectorError as `ServiceConnection.call`
   */
  keepEnrolled(signal: AbortSignal): Promise<EnrolmentStep>
  /**
   * The keys of the escrow copies: the one in use first, then those of before.
   *
   * @throws ConnectorError `key/unreadable` a key on the disk is damaged
   */
  loadEncryptionIdentities(): Promise<readonly EncryptionIdentity[]>
}

/** Composes it over the connection, whose identity it sets. */
export function createEnrolment(
  options: OpenServiceOptions,
  connection: ServiceConnection,
): Enrolment {
  const { keys, record, clock } = options
  let agent: Agent | undefined
  /** By certificate. Opening a file takes longer than hundreds of copies, and a key is never replaced. */
  const encryptionKeys = new Map<string, KeyObject>()

  async function getKey(use: AgentKeyUse, generation: number): Promise<KeyObject> {
    const name = `${use}-${generation}.key`
    const found = await keys.find(name)
    if (found !== undefined) return found
    const pkcs8Der = await generateAgentKey(use)
    await keys.save(name, pkcs8Der)
    const key = createPrivateKey({ key: Buffer.from(pkcs8Der), format: 'der', type: 'pkcs8' })
    pkcs8Der.fill(0)
    return key
  }

  function use(next: AgentRecord, key: KeyObject): void {
    agent = { record: next, key }
    connection.useIdentity({
      connectorId: next.connectorId,
      certificatesPem: `${next.certificatePem}\n${next.chainPem}`,
      keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    })
  }

  async function load(): Promise<void> {
    const text = await record.find()
    if (text === undefined) return
    const found = parseAgentRecord(text)
    const key = await keys.find(`agent-${found.generation}.key`)
    if (key === undefined)
      throw new ConnectorError(
        'key/unreadable',
        `agent-${found.generation}.key is missing; restore it from the backup, or delete the folder open-service under dataDir and enrol again`,
      )
    use(found, key)
  }

  async function request(signal: AbortSignal): Promise<void> {
    const before = agent?.record
    const generation = (before?.generation ?? 0) + 1
    const own = {
      agent: await getKey('agent', generation),
      encryption: await getKey('encryption', generation),
    }
    const name = options.machineName
    const requests = {
      csr: await createSigningRequest('agent', own.agent, name),
      encryptionPublicKeyCsr: await createSigningRequest('encryption', own.encryption, name),
    }
    const call = { activityId: randomUUID(), signal }
    const { value } =
      before === undefined
        ? await connection.call(operations.enrol, { ...terms(), ...requests }, call)
        : await connection.call(operations.renew, requests, call)
    verifyAgent({
      certificatePem: value.certificate,
      encryptionCertificatePem: value.encryptionCertificate,
      chainPem: value.chain,
      keys: own,
      earlierChainPem: before?.chainPem,
      now: clock.now(),
    })
    if (before !== undefined && before.connectorId !== value.connector.id)
      throw new ConnectorError(
        'management/bad-response',
        'the connector service: the renewal is for another connector',
      )
    const next: AgentRecord = {
      generation,
      connectorId: value.connector.id,
      certificatePem: value.certificate,
      encryptionCertificatePem: value.encryptionCertificate,
      chainPem: value.chain,
      enrolledAt: before?.enrolledAt ?? clock.now().toISOString(),
      earlierEncryption: before === undefined ? [] : listEncryption(before).slice(0, MAX_EARLIER),
    }
    await record.save(`${JSON.stringify(next, undefined, 2)}\n`)
    use(next, own.agent)
  }

  function terms() {
    const token = options.enrolmentToken
    if (token === undefined)
      throw new ConnectorError(
        'management/misconfigured',
        'management.openService.enrolmentTokenFile: the connector is not enrolled yet, and there is no token; ask the service for one',
      )
    return {
      enrollmentToken: token.reveal(),
      machineName: options.machineName,
      displayName: options.displayName,
      connectorVersion: options.version,
      features: options.features,
    }
  }

  return {
    current: () => agent,
    async restore() {
      if (agent === undefined) await load()
      return agent !== undefined
    },
    async loadEncryptionIdentities() {
      if (agent === undefined) return []
      const found = await Promise.all(
        listEncryption(agent.record).map(async ({ generation, certificatePem }) => {
          const key =
            encryptionKeys.get(certificatePem) ?? (await keys.find(`encryption-${generation}.key`))
          if (key === undefined) return []
          encryptionKeys.set(certificatePem, key)
          return [{ key, certificatePem }]
        }),
      )
      return found.flat()
    },
    async keepEnrolled(signal) {
      if (agent === undefined) await load()
      const isNew = agent === undefined
      if (agent !== undefined && clock.now() < renewalDueAt(agent.record.certificatePem))
        return 'unchanged'
      await request(signal)
      return isNew ? 'enrolled' : 'renewed'
    },
  }
}

function listEncryption({ generation, encryptionCertificatePem, earlierEncryption }: AgentRecord) {
  return [{ generation, certificatePem: encryptionCertificatePem }, ...earlierEncryption]
}
