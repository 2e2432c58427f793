import { createHash, randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../kernel/index.ts'
import { BoundedMap } from '../ring.ts'

const base64 = z.string().regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/)
const date = z.string().refine((text) => !Number.isNaN(Date.parse(text)))
const enumeration = (...names: readonly string[]) =>
  z
    .string()
    .transform((text) => names.find((name) => name.toLowerCase() === text.toLowerCase()))
    .pipe(z.string())

/** A userPFXCertificate as a client sends it; every member that the service needs must be there and be one. */
export const pfxRecordBody = z.object({
  thumbprint: z.string().regex(/^[0-9a-f]{40}$/),
  intendedPurpose: enumeration('unassigned', 'smimeEncryption', 'smimeSigning', 'vpn', 'wifi'),
  userPrincipalName: z.string().min(1),
  startDateTime: date,
  expirationDateTime: date,
  providerName: z.string().min(1),
  keyName: z.string().min(1),
  paddingScheme: enumeration('none', 'oaepSha256', 'oaepSha384', 'oaepSha512', 'pkcs1', 'oaepSha1'),
  encryptedPfxBlob: base64.min(4),
  encryptedPfxPassword: base64.min(4),
})

/** One imported PFX, with what the service adds. */
export interface PfxRecord extends z.output<typeof pfxRecordBody> {
  readonly id: string
  readonly createdDateTime: string
  readonly lastModifiedDateTime: string
}

/** The imported PFX of the tenant, by `<user id without dashes>-<thumbprint>`. */
export class PfxCertificates {
  readonly #records = new BoundedMap<string, PfxRecord>(10_000)
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes a body of POST or PATCH; undefined: it is not one, and the service does not say why. */
  record(userIdOf: (upn: string) => string | undefined, body: unknown): PfxRecord | undefined {
    const parsed = pfxRecordBody.safeParse(body)
    const userId = parsed.success ? userIdOf(parsed.data.userPrincipalName) : undefined
    if (!parsed.success || userId === undefined) return undefined
    const id = `${userId.replaceAll('-', '')}-${parsed.data.thumbprint}`
    const now = this.#clock.now().toISOString()
    const createdDateTime = this.#records.get(id)?.createdDateTime ?? now
    const record = { ...parsed.data, id, createdDateTime, lastModifiedDateTime: now }
    this.#records.set(id, record)
    return record
  }

  find(id: string): PfxRecord | undefined {
    return this.#records.get(id.toLowerCase())
  }

  remove(id: string): boolean {
    return this.#records.delete(id.toLowerCase())
  }

  list(): readonly PfxRecord[] {
    return [...this.#records.values()]
  }
}

/** The id of a user: the same GUID for the same name in any case. */
export function userIdOf(userPrincipalName: string): string {
  const hex = createHash('sha256').update(userPrincipalName.toLowerCase()).digest('hex')
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5')
}

/** What the service behind Graph says of any body that it does not like. */
export function badRequestMessage(): string {
  return JSON.stringify({
    _version: 3,
    Message: `An error has occurred - Activity ID: ${randomUUID()} - Url: https://fef.msuc01.manage.microsoft.com/RACerts/StatelessImportPFXService/deviceManagement/userPfxCertificates?api-version=5021-04-09`,
    CustomApiErrorPhrase: '',
    RetryAfter: null,
    ErrorSourceService: '',
    HttpHeaders: '{}',
  })
}
