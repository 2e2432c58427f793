import * as z from 'zod'

/** The version of the contract that this connector speaks: header `api-version`. */
export const API_VERSION = '2025-01-01'

/** Most of one `requestContext`, in characters. */
const MAX_CONTEXT = 1024

/** An id, lower case with dashes. */
export const guid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)

/** RFC 3339 in UTC. */
export const time = z.iso.datetime()

/** Standard base64 with padding, of at most `mostBytes`. */
export function base64(mostBytes: number) {
  return z
    .string()
    .max(Math.ceil(mostBytes / 3) * 4)
    .regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/)
}

/** Text without control characters. */
export function plainText(most: number) {
  return z
    .string()
    .max(most)
    .regex(/^\P{Cc}*$/u)
}

/** An https URL without credentials, query or fragment. */
export const serviceUrl = z
  .string()
  .max(2048)
  .regex(/^https:\/\/[^/?#@\s\\]+(?:\/[^?#\s\\]*)?$/i)

/**
 * One of a list, in any case. What is not of the list is no crash: the item that holds it is answered `NotSupportedError`.
 */
export function anyCase<const V extends readonly [string, ...string[]]>(values: V) {
  return z
    .string()
    .max(64)
    .transform((text) => values.find((value) => value.toLowerCase() === text.toLowerCase()) ?? text)
    .pipe(z.enum(values))
    .meta({ override: { type: 'string', enum: [...values] } })
}

/** The identity of a work item: opaque, unique, returned unchanged. */
export const requestContext = z
  .string()
  .min(1)
  .max(MAX_CONTEXT)
  .meta({ description: 'Opaque and unique; comes back unchanged with the result.' })

/** SHA-1 or SHA-256 of a certificate, hexadecimal. */
export const thumbprint = z.string().regex(/^(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$/)

/** An object identifier in dots. */
export const objectIdentifier = z
  .string()
  .max(128)
  .regex(/^[0-2](?:\.(?:0|[1-9]\d*))+$/)

/** PEM of one or more certificates. */
export const certificatesPem = z.string().min(1).max(65_536)

/** What a connector can do, and may be asked for. */
export const features = z
  .object({
    scep: z.boolean(),
    pkcs: z.boolean(),
    pkcsImport: z.boolean(),
    revocation: z.boolean(),
  })
  .meta({ id: 'Features', description: 'An item reaches no connector without its feature.' })
