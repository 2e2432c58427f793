import { z } from 'zod'

/** Bits of keyUsage in the order of RFC 5280, section 4.2.1.3. */
export const keyUsageNames = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const

/** Kinds of subjectAltName that a profile can ask for. `upn` is the otherName 1.3.6.1.4.1.311.20.2.3. */
const sanTypes = ['dns', 'email', 'upn', 'uri', 'ip'] as const

/** What a CSR must say. A member that is absent is not compared. */
export const expectedSchema = z.strictObject({
  /** RFC 4514 text. Empty: the CSR must have no subject. */
  subject: z.string().optional(),
  /** Empty: the CSR must have no subjectAltName. */
  sans: z.array(z.strictObject({ type: z.enum(sanTypes), value: z.string() })).optional(),
  keyUsage: z.array(z.enum(keyUsageNames)).optional(),
  ekus: z.array(z.string()).optional(),
  /** Bits of the RSA modulus or of the EC field. */
  keyLength: z.number().int().optional(),
})

/** What a CSR must say. */
export type ExpectedRequest = z.infer<typeof expectedSchema>

/**
 * The JSON inside a challenge. Ids are plain text and times optional on purpose: that they are GUIDs and make sense is
 * for the later checks, each with its own code.
 */
export const contentSchema = z.strictObject({
  v: z.literal(1),
  tenantId: z.string(),
  deviceId: z.string(),
  userId: z.string(),
  certificateRequestId: z.string(),
  createdUtc: z.string().optional(),
  expiresUtc: z.string().optional(),
  intervalMinutes: z.number().optional(),
  nonce: z.string(),
  profileId: z.string(),
  /** Whether the CSR's key must be one that is registered for the user. */
  requiresRegisteredKey: z.boolean(),
  expected: expectedSchema,
})

/** The JSON inside a challenge. */
export type ChallengeContent = z.infer<typeof contentSchema>
