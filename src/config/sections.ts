import * as z from 'zod'
import { findRaw, type RawObject } from './raw-tree.ts'
import { authoritySchema } from './schema/authorities.ts'
import { configurationSchema, type ParsedConfiguration } from './schema/configuration.ts'
import { profileSchema } from './schema/profiles.ts'

/** An element of a list that is valid for itself, with its place in the list. */
export interface Element<T> {
  readonly index: number
  readonly value: T
}

/**
 * The parts of a configuration that are valid for themselves, so that what they say about each other can be checked
 * although another part is not. Undefined: absent or invalid.
 */
export interface Sections {
  readonly listeners: ParsedConfiguration['listeners'] | undefined
  readonly intune: ParsedConfiguration['intune'] | undefined
  /** Something stands there, valid or not. */
  readonly hasIntune: boolean
  /** Something stands there, valid or not. */
  readonly hasOpenService: boolean
  readonly features: ParsedConfiguration['features'] | undefined
  readonly pkcs: ParsedConfiguration['pkcs'] | undefined
  readonly pfxImport: ParsedConfiguration['pfxImport'] | undefined
  readonly proxy: ParsedConfiguration['proxy'] | undefined
  readonly simulator: ParsedConfiguration['simulator'] | undefined
  readonly logging: ParsedConfiguration['logging'] | undefined
  readonly hasPassphraseFile: boolean
  readonly ca: readonly Element<ParsedConfiguration['ca'][number]>[]
  /** Every element of `ca` is valid: an `id` that is not among them does not exist. */
  readonly isCaComplete: boolean
  /** The `ca` of every profile, valid or not. */
  readonly caReferences: readonly Element<string>[]
  /** Something stands there, valid or not. */
  readonly hasProfiles: boolean
  readonly profiles: readonly Element<ParsedConfiguration['profiles'][number]>[]
}

const caReference = z.object({ ca: z.string().default('default') }).transform(({ ca }) => ca)

/** Parses each part for itself. */
export function parseSections(raw: RawObject): Sections {
  const { shape } = configurationSchema
  const rawCa = raw['ca'] === undefined ? [{}] : raw['ca']
  const ca = parseElements(authoritySchema, rawCa)
  return {
    listeners: parsePart(shape.listeners, raw['listeners']),
    intune: raw['intune'] === undefined ? undefined : parsePart(shape.intune, raw['intune']),
    hasIntune: raw['intune'] !== undefined,
    features: parsePart(shape.features, raw['features']),
    hasOpenService: findRaw(raw, ['management', 'openService']) !== undefined,
    pkcs: parsePart(shape.pkcs, raw['pkcs']),
    pfxImport: parsePart(shape.pfxImport, raw['pfxImport']),
    proxy: raw['proxy'] === undefined ? undefined : parsePart(shape.proxy, raw['proxy']),
    simulator: parsePart(shape.simulator, raw['simulator']),
    logging: parsePart(shape.logging, raw['logging']),
    hasPassphraseFile: raw['passphraseFile'] !== undefined,
    ca,
    isCaComplete: Array.isArray(rawCa) && ca.length === rawCa.length,
    caReferences: parseElements(caReference, raw['profiles']),
    hasProfiles: Array.isArray(raw['profiles'])
      ? raw['profiles'].length > 0
      : raw['profiles'] !== undefined,
    profiles: parseElements(profileSchema, raw['profiles']),
  }
}

function parsePart<S extends z.ZodType>(schema: S, value: unknown): z.output<S> | undefined {
  const result = schema.safeParse(value)
  return result.success ? result.data : undefined
}

function parseElements<S extends z.ZodType>(
  schema: S,
  list: unknown,
): readonly Element<z.output<S>>[] {
  if (!Array.isArray(list)) return []
  return list.flatMap((raw: unknown, index) => {
    const result = schema.safeParse(raw)
    return result.success ? [{ index, value: result.data }] : []
  })
}
