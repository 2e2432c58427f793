import { z } from 'zod'

/** Missing, null and the empty text mean the same: clients differ in how they write an unset member. */
const optionalText = z
  .string()
  .nullish()
  .transform((text) => (text ? text : null))

const requiredText = z.string().min(1)

const common = {
  transactionId: requiredText,
  certificateRequest: requiredText,
  callerInfo: requiredText,
}

/** Body of validateRequest. */
export const validateBody = z.object({ request: z.object(common) })

/** Body of successNotification. */
export const successBody = z.object({
  notification: z.object({
    ...common,
    certificateThumbprint: requiredText,
    certificateSerialNumber: requiredText,
    certificateExpirationDateUtc: requiredText,
    issuingCertificateAuthority: requiredText,
    caConfiguration: optionalText,
    certificateAuthority: optionalText,
  }),
})

/** Body of failureNotification. An HRESULT comes signed or unsigned. */
export const failureBody = z.object({
  notification: z.object({
    ...common,
    hResult: z
      .number()
      .int()
      .min(-(2 ** 31))
      .max(2 ** 32 - 1),
    errorDescription: requiredText.max(255),
  }),
})
