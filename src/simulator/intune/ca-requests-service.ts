import { z } from 'zod'
import type { TokenIssuer } from '../entra/tokens.ts'
import { type Answer, type Call, odataError, ok } from '../wire/answer.ts'
import type { Behaviour } from './behaviour.ts'
import { parseCaErrorCode } from './ca-error-codes.ts'
import { admitCall, CA_REQUESTS_API_VERSION } from './gate.ts'
import type { RevocationQueue } from './revocation-queue.ts'

/** What the CA requests are made of. */
export interface CaRequestsParts {
  readonly tokens: TokenIssuer
  readonly revocations: RevocationQueue
  readonly behaviour: () => Behaviour
  /** Base of `@odata.context`. */
  readonly contextUrl: string
}

const downloadBody = z.object({
  downloadParameters: z.object({
    maxRequests: z.number().int().min(1).max(500),
    issuerName: z
      .string()
      .nullish()
      .transform((text) => text ?? null),
  }),
})

/** Microsoft's C# library sends PascalCase when it uploads before it ever downloaded. */
const result = z.preprocess(
  lowerCaseMembers,
  z.object({
    requestcontext: z.string().min(1),
    succeeded: z.boolean(),
    errorcode: z
      .union([z.string(), z.number()])
      .nullish()
      .transform((code) => code ?? 0),
    errormessage: z
      .string()
      .nullish()
      .transform((text) => text || null),
  }),
)

const uploadBody = z.object({ results: z.array(result).min(1).max(500) })

/**
 * downloadRevocationRequests and uploadRevocationResults.
 *
 * @see protocol note, chapter 4
 */
export class CaRequestsService {
  readonly #parts: CaRequestsParts

  constructor(parts: CaRequestsParts) {
    this.#parts = parts
  }

  /** Hands out what is due. */
  async download(call: Call): Promise<Answer> {
    const { tokens, revocations, behaviour, contextUrl } = this.#parts
    const admitted = await admitCall(call, tokens, [CA_REQUESTS_API_VERSION], downloadBody)
    if ('status' in admitted) return admitted
    const offered = revocations.offer({
      ...admitted.body.downloadParameters,
      tenantId: admitted.bearer.tenantId,
      mode: behaviour().downloadFilter,
    })
    return ok({
      '@odata.context': `${contextUrl}/$metadata#Collection(microsoft.management.services.api.caRevocationRequest)`,
      value: offered.map(({ requestContext, serialNumber, issuerName, caConfiguration }) => ({
        requestContext,
        serialNumber,
        issuerName,
        caConfiguration,
      })),
    })
  }

  /** Takes results; all of them or, when one cannot be read, none. */
  async upload(call: Call): Promise<Answer> {
    const { tokens, revocations, behaviour, contextUrl } = this.#parts
    const admitted = await admitCall(call, tokens, [CA_REQUESTS_API_VERSION], uploadBody)
    if ('status' in admitted) return admitted
    const read = admitted.body.results.map((one) => ({
      ...one,
      code: parseCaErrorCode(one.errorcode),
    }))
    for (const [index, { code }] of read.entries()) {
      if (!code) return odataError(400, 'BadRequest', `results.${index}.errorCode is not known.`)
    }
    for (const { requestcontext, succeeded, code, errormessage: errorMessage } of read) {
      if (!code) continue
      const uploaded = { succeeded, code, errorMessage }
      revocations.recordResult(admitted.bearer.tenantId, requestcontext, uploaded)
    }
    const { uploadAnswer } = behaviour()
    return ok({
      '@odata.context': `${contextUrl}/$metadata#Edm.Boolean`,
      ...(uploadAnswer === 'absent' ? {} : { value: uploadAnswer }),
    })
  }
}

function lowerCaseMembers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name.toLowerCase(), member as unknown]),
  )
}
