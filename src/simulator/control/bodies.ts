import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { z } from 'zod'
import { expectedSchema } from '../challenge/content.ts'
import { parseDistinguishedName } from '../challenge/distinguished-name.ts'
import { challengeDefects } from '../challenge/mint.ts'
import { hops } from '../wire/answer.ts'
import { faultKinds } from '../wire/faults.ts'

const text = z.string().min(1).max(4000)
const times = z.number().int().min(1).max(1_000_000)
const minutes = z.number().min(-5_256_000).max(5_256_000)

const subject = z
  .string()
  .max(4000)
  .superRefine((name, context) => {
    const parsed = parseDistinguishedName(name)
    if (typeof parsed === 'string') context.addIssue({ code: 'custom', message: parsed })
  })

const sans = expectedSchema.shape.sans.unwrap().superRefine((entries, context) => {
  for (const [index, { type, value }] of entries.entries()) {
    if (type !== 'ip' || isIP(value) !== 0) continue
    context.addIssue({ code: 'custom', path: [index, 'value'], message: 'is not an IP address' })
  }
})

/** `POST /control/challenges`. Members of the CSR that are absent are not checked. */
export const challengeOrder = z.strictObject({
  subject: subject.optional(),
  sans: sans.optional(),
  ekus: z.array(z.string().regex(/^\d+(\.\d+)+$/, 'is not an OID')).optional(),
  keyUsage: expectedSchema.shape.keyUsage,
  keyLength: z.number().int().positive().optional(),
  // Free texts on purpose: an id that is no GUID is a cause of its own.
  deviceId: text.optional(),
  userId: text.optional(),
  tenantId: text.optional(),
  certificateRequestId: text.optional(),
  profileId: text.optional(),
  validMinutes: z.number().positive().max(5_256_000).optional(),
  createdUtc: text.nullable().optional(),
  expiresUtc: text.nullable().optional(),
  requiresRegisteredKey: z.boolean().optional(),
  defect: z.enum(challengeDefects).optional(),
})

/** `POST /control/faults`. */
export const faultOrder = z.strictObject({
  hop: z.enum(hops),
  fault: z.enum(faultKinds),
  times: times.optional(),
  retryAfterSeconds: z.number().int().min(0).max(86_400).optional(),
  afterProcessing: z.boolean().optional(),
})

/** `POST /control/verdicts`. */
export const verdictOrder = z.strictObject({
  code: text,
  times: times.default(1),
  action: z.enum(['validate', 'success', 'failure']).default('validate'),
})

/** `POST /control/revocations`. */
export const revocationOrder = z.strictObject({
  serialNumber: text,
  issuerName: text.nullish(),
  caConfiguration: text.nullish(),
  tenantId: text.optional(),
})

/** `POST /control/clock`. */
export const clockOrder = z.strictObject({ advanceMinutes: minutes })

/** `PUT /control/targeting`. */
export const targetingOrder = z
  .strictObject({
    profileId: text.optional(),
    deviceId: text.optional(),
    targeted: z.boolean(),
  })
  .refine(({ profileId, deviceId }) => profileId !== undefined || deviceId !== undefined, {
    message: 'needs profileId or deviceId',
  })

/** `PUT /control/registered-keys`. */
export const registeredKeysOrder = z.strictObject({
  userId: text,
  keyIds: z.array(z.string().regex(/^[0-9a-f]{64}$/i, 'is not a SHA-256 in hexadecimal')).max(100),
})

/** `PUT /control/discovery`. */
export const discoveryOrder = z.strictObject({
  scepUri: text.optional(),
  pkiUri: text.optional(),
  omit: z.array(z.enum(['scep', 'pki'])).optional(),
  pageSize: z.number().int().min(1).max(100).optional(),
})

const sid = z.string().max(200).nullable()

/** `PUT /control/directory`: a user or a device. Any text may stand for a SID, so that a client can be shown nonsense. */
export const directoryOrder = z.union([
  z.strictObject({ userPrincipalName: text, onPremisesSecurityIdentifier: sid }),
  z.strictObject({
    deviceId: text,
    managedDeviceId: text.optional(),
    onPremisesSecurityIdentifier: sid,
  }),
])

/** `POST /control/scale-unit`: no members. */
export const emptyOrder = z.strictObject({})

const certificatePem = z.string().refine(isCertificate, 'is not a PEM certificate')

/** `POST /control/apps`. */
export const appOrder = z.strictObject({
  tenantId: text.optional(),
  clientId: text,
  clientSecret: text.optional(),
  certificatesPem: z.array(certificatePem).max(10).optional(),
  intuneRoles: z.array(text).max(20).optional(),
  graphRoles: z.array(text).max(20).optional(),
})

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem)
    return true
  } catch {
    // The reason is OpenSSL's and helps nobody; the member is named by the caller.
    return false
  }
}
