import { randomBytes, randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../kernel/index.ts'
import type { ConnectorRegister } from './connectors.ts'
import type { DeviceFleet, SimulatedDevice } from './devices.ts'
import type { WorkItem, WorkKind } from './work-queue.ts'
import type { WorkService } from './work-service.ts'

const text = z.string().min(1).max(4096)
const common = {
  /** A new device where it is left out or unknown. */
  deviceId: z.uuid().optional(),
  user: z
    .string()
    .regex(/^[\w.-]{1,64}$/)
    .default('user1'),
  validMinutes: z
    .number()
    .positive()
    .max(525_600)
    .default(7 * 1440),
  /** Members of the item that replace ours, whatever they are: also wrong ones. */
  members: z.record(z.string(), z.unknown()).default({}),
}

/** Bodies of `POST /control/work/{kind}`. */
export const workOrders = {
  pkcs: z.strictObject({ ...common, escrow: z.boolean().default(false) }),
  pkcsRecrypt: z.strictObject({
    ...common,
    thumbprint: text,
    escrowCms: z.string().min(1).max(4_194_304),
    escrow: z.boolean().default(false),
  }),
  pkcsImport: z.strictObject({
    ...common,
    userPfxCertificate: z.looseObject({ thumbprint: text }),
    appleProfiles: z.array(z.string().min(1).max(1_048_576)).max(16).optional(),
  }),
  revocation: z.strictObject({
    validMinutes: common.validMinutes,
    members: common.members,
    serialNumber: text,
    issuerName: text.nullish(),
    caConfiguration: text.nullish(),
    revocationReason: text.nullish(),
    thumbprint: text.nullish(),
  }),
} as const satisfies Record<WorkKind, z.ZodType>

/** What items are made of. */
export interface OrderParts {
  readonly work: WorkService
  readonly devices: DeviceFleet
  readonly connectors: ConnectorRegister
  readonly clock: Clock
  readonly tenantId: string
}

/** An order whose shape is right. */
export type WorkOrder = {
  [K in WorkKind]: { kind: K; order: z.output<(typeof workOrders)[K]> }
}[WorkKind]

/** Queues an item as an administrator, or a device that checks in, would; undefined when the queue is full. */
export async function queueWork(
  wanted: WorkOrder,
  parts: OrderParts,
): Promise<WorkItem | undefined> {
  const requestContext = randomBytes(24).toString('base64')
  const { validMinutes, members } = wanted.order
  const body = { ...(await bodyOf(wanted, parts)), ...members }
  return parts.work.queues[wanted.kind].record(body, requestContext, validMinutes)
}

async function bodyOf(
  wanted: WorkOrder,
  parts: OrderParts,
): Promise<Readonly<Record<string, unknown>>> {
  if (wanted.kind === 'revocation') {
    const { validMinutes: _, members: __, ...said } = wanted.order
    return said
  }
  const { deviceId, user } = wanted.order
  const device =
    (deviceId && parts.devices.find(deviceId)) ||
    (await parts.devices.issueKey(deviceId, parts.clock.now()))
  const origin = originOf(device, user, parts.tenantId)
  const escrowRecipients =
    'escrow' in wanted.order && wanted.order.escrow ? escrowRecipientsOf(parts.connectors) : []
  switch (wanted.kind) {
    case 'pkcs':
      return { ...origin, ...pkcsTerms(user), payload, escrowRecipients }
    case 'pkcsRecrypt':
      return {
        ...origin,
        thumbprint: wanted.order.thumbprint,
        deviceKeyThumbprint: device.thumbprint,
        sourceType: 'pkcs',
        escrowPayload: { cms: wanted.order.escrowCms },
        payload,
        escrowRecipients,
      }
    case 'pkcsImport': {
      const { userPfxCertificate, appleProfiles } = wanted.order
      return { ...origin, userPfxCertificate, ...(appleProfiles ? { appleProfiles } : {}) }
    }
  }
}

const payload = { protection: 'passwordCms', pfxEncryption: 'aes256', includeChain: true }

function originOf(device: SimulatedDevice, user: string, tenantId: string) {
  return {
    requestId: randomUUID(),
    tenantId,
    deviceId: device.deviceId,
    userId: randomUUID(),
    userPrincipalName: `${user}@corp.example`,
    profileId: 'cccccccc-0000-4000-8000-000000000003',
    platform: 'windows10AndLater',
    recipients: [
      {
        ...recipientOf('device', device.certificateBase64, device.thumbprint),
        chain: device.chainBase64,
      },
    ],
  }
}

function pkcsTerms(user: string) {
  return {
    certificateType: 'user',
    requestType: 'new',
    renewsThumbprint: null,
    certificationAuthority: 'ca1.corp.example',
    certificationAuthorityName: 'Corp Issuing CA',
    certificateTemplateName: 'IntuneUser',
    caProvider: 'auto',
    subjectName: `CN=${user},E=${user}@corp.example,O=Corp`,
    subjectAlternativeNames: [
      { sanType: 'userPrincipalName', name: `${user}@corp.example` },
      { sanType: 'emailAddress', name: `${user}@corp.example` },
    ],
    onPremisesSecurityIdentifier: 'S-1-5-21-1111111111-2222222222-3333333333-1001',
    keyAlgorithm: 'rsa',
    keySize: 2048,
    hashAlgorithm: 'sha256',
    keyUsage: ['digitalSignature', 'keyEncipherment'],
    extendedKeyUsages: [{ name: 'Client Authentication', objectIdentifier: '1.3.6.1.5.5.7.3.2' }],
    certificateValidityPeriodValue: 1,
    certificateValidityPeriodScale: 'years',
  }
}

function recipientOf(type: 'device' | 'connector', certificate: string, thumbprint: string) {
  return {
    type,
    certificate,
    thumbprint,
    keyWrap: 'rsaes-oaep-sha256',
    contentEncryption: 'aes-256-cbc',
  }
}

function escrowRecipientsOf(connectors: ConnectorRegister) {
  return connectors
    .list()
    .map(({ encryptionCertificate, encryptionSha256 }) =>
      recipientOf('connector', encryptionCertificate, encryptionSha256),
    )
}
