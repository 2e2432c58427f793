import * as z from 'zod'
import { userPfxCertificate } from './items.ts'
import { anyCase, guid, plainText, thumbprint, time } from './values.ts'

const MAX_PAGE = 1000

const link = z
  .string()
  .max(8192)
  .optional()
  .meta({ description: 'The next page, at the same path; absent on the last one.' })

/** A record as an administrator writes it: Graph's `userPFXCertificate` without the id, which the service makes. */
export const newImport = userPfxCertificate
  .omit({ id: true })
  .extend({ startDateTime: time, expirationDateTime: time })
  .meta({ id: 'NewImport' })

/** A record as the service shows it: file and password are empty, or left out. */
export const storedImport = z
  .object({
    id: z.string().min(1).max(256),
    thumbprint,
    intendedPurpose: plainText(64),
    userPrincipalName: plainText(1024),
    providerName: plainText(1024),
    keyName: plainText(1024),
    paddingScheme: plainText(64),
    startDateTime: time,
    expirationDateTime: time,
    lastModifiedDateTime: time.optional(),
  })
  .meta({ id: 'StoredImport' })

/** Records, a page of them. */
export const importsPage = z
  .object({ value: z.array(storedImport).max(MAX_PAGE), '@odata.nextLink': link })
  .meta({ id: 'ImportsPage' })

/** Users of that name: one, or none. */
export const usersFound = z
  .object({
    value: z.array(z.object({ id: guid, userPrincipalName: plainText(1024) })).max(MAX_PAGE),
  })
  .meta({ id: 'UsersFound' })

/** How far a record has come, on each device that is to have it. */
export const deliveryStatuses = z
  .object({
    value: z
      .array(
        z.object({
          deviceId: guid,
          state: anyCase(['pending', 'delivered', 'failed']),
          errorCode: plainText(128).nullish(),
          errorMessage: plainText(4096).nullish(),
          lastModifiedDateTime: time,
        }),
      )
      .max(MAX_PAGE),
  })
  .meta({ id: 'DeliveryStatuses' })
