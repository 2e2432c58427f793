import { hash } from 'node:crypto'
import { ConnectorError, describeError, type RandomBytes, type Secret } from '../../kernel/index.ts'
import type { PayloadRecipient, PayloadWish, SealedPayload } from '../../management/index.ts'
import {
  type Certificate,
  hasAttributes,
  type SealingProfile,
  sealContent,
} from '../../pki/index.ts'
import { bindContext } from './context-binding.ts'
import { judgeRecipient, type RecipientRules } from './device-recipient.ts'
import { type EscrowContent, encodeEscrow, judgeEscrow } from './escrow.ts'

/** Makes PFX files. */
export interface PfxMaker {
  generatePassword(): Secret
  encode(
    content: EscrowContent,
    password: Secret,
    encryption: PayloadWish['pfxEncryption'],
  ): Uint8Array
}

/** Who may have keys, and how they are packed. */
export interface PayloadPorts {
  readonly recipients: RecipientRules
  /** The CA that issues the certificates of connectors; undefined before this one is enrolled. */
  readonly fleetIssuer: () => Certificate | undefined
  readonly pfx: PfxMaker
  readonly random: RandomBytes
  /** OID of the attribute that ties payloads to their item; undefined: they are not. */
  readonly contextBindingOid?: string | undefined
}

/** The device that gets a key. */
export interface Receiver {
  readonly certificate: Certificate
  readonly profile: SealingProfile
  readonly thumbprintHex: string
}

/** Who gets a key: the device, where there is one, and the connectors that keep a copy. */
export type ReceiversVerdict =
  | {
      readonly kind: 'accepted'
      readonly device: Receiver | undefined
      readonly escrow: readonly Certificate[]
    }
  | { readonly kind: 'refused'; readonly reason: string; readonly isUnsupported?: true }

/** Copies are opened by connectors only, and are to be whole: AES-GCM. */
const ESCROW_PROFILE = 'strong'

/**
 * Judges everybody that an item wants a key sealed for, before there is a key. Something is sealed for trial, so that
 * nothing is issued that could not be sealed afterwards.
 */
export function judgeReceivers(
  item: {
    readonly deviceId: string
    readonly payload: PayloadWish
    readonly recipients: readonly PayloadRecipient[]
    readonly escrowRecipients: readonly PayloadRecipient[]
  },
  { recipients: rules, fleetIssuer, random }: PayloadPorts,
  now: Date,
): ReceiversVerdict {
  const { protection } = item.payload
  if (protection !== 'passwordCms' && protection !== 'payloadCms')
    return { kind: 'refused', reason: `protection ${protection} is not done`, isUnsupported: true }
  const [first, ...others] = item.recipients
  if (others.length > 0)
    return { kind: 'refused', reason: `it names ${item.recipients.length} receivers` }
  const escrow = judgeEscrow(item.escrowRecipients, fleetIssuer(), now)
  if (escrow.kind === 'refused') return escrow
  const device = first === undefined ? undefined : judgeRecipient(first, item.deviceId, rules, now)
  if (device?.kind === 'refused') return device
  try {
    const trial = new Uint8Array(1)
    if (device !== undefined) sealContent(trial, [device.certificate], device.profile, random)
    if (escrow.certificates.length > 0)
      sealContent(trial, escrow.certificates, ESCROW_PROFILE, random)
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error
    return { kind: 'refused', reason: `a receiver cannot be sealed for: ${describeError(error)}` }
  }
  return { kind: 'accepted', device, escrow: escrow.certificates }
}

/**
 * A PFX under a fresh random password, and the password encrypted to the device; with `payloadCms` the PFX too. Where it is
 * configured, and the device takes AES-GCM, both are tied to the item.
 *
 * @see pfx.md, 10.7
 */
export function sealForDevice(
  content: EscrowContent,
  requestContext: string,
  { protection, pfxEncryption, includeChain }: PayloadWish,
  { certificate, profile, thumbprintHex }: Receiver,
  { pfx, random, contextBindingOid }: PayloadPorts,
): SealedPayload {
  const password = pfx.generatePassword()
  const file = pfx.encode(
    includeChain ? content : { ...content, chain: [] },
    password,
    pfxEncryption,
  )
  const binding = hasAttributes(profile)
    ? bindContext(contextBindingOid, {
        requestContext,
        deviceId: content.deviceId,
        thumbprintHex: hash('sha1', content.certificateDer, 'hex'),
      })
    : undefined
  const seal = (plain: Uint8Array): Uint8Array =>
    sealContent(plain, [certificate], profile, random, binding)
  return {
    protection,
    encryptedPfxBlob: protection === 'payloadCms' ? seal(file) : file,
    encryptedPfxPassword: seal(Buffer.from(password.reveal(), 'ascii')),
    deviceKeyThumbprintHex: thumbprintHex,
  }
}

/** A copy for connectors; undefined where none is wanted. */
export function sealForConnectors(
  content: EscrowContent,
  certificates: readonly Certificate[],
  { random }: PayloadPorts,
): Uint8Array | undefined {
  if (certificates.length === 0) return undefined
  const plain = encodeEscrow(content)
  try {
    return sealContent(plain, certificates, ESCROW_PROFILE, random)
  } finally {
    plain.fill(0)
  }
}
