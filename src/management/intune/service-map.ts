import { isJsonObject } from '../http/json-object.ts'

/** Keeps one small text over restarts. Reads and writes may fail; the connector then goes on without. */
export interface ServiceMapStore {
  /** The text saved last, or undefined when there is none. */
  load(): Promise<string | undefined>
  /** Replaces the text. */
  save(text: string): Promise<void>
}

/** Addresses by lower-cased service name. Not yet checked against the allowed hosts. */
export type ServiceMap = ReadonlyMap<string, string>

const MAX_ENTRIES = 1_000
const MAX_TEXT = 2_048

/**
 * Adds one page of Graph's endpoint list. Names are compared in lower case; `providerName` or `serviceName` counts;
 * the first entry with an https address wins; entries without a name or address are passed over.
 */
export function addEndpoints(map: Map<string, string>, entries: readonly unknown[]): void {
  for (const entry of entries) {
    if (!isJsonObject(entry) || map.size >= MAX_ENTRIES) continue
    const name = textOf(entry['providerName']) ?? textOf(entry['serviceName'])
    const uri = textOf(entry['uri'])?.replace(/\/+$/, '')
    if (name === undefined || uri === undefined || !/^https:\/\//i.test(uri)) continue
    const key = name.toLowerCase()
    if (!map.has(key)) map.set(key, uri)
  }
}

/** Text for a `ServiceMapStore`, bound to the tenant it belongs to. */
export function encodeServiceMap(map: ServiceMap, tenant: string): string {
  return JSON.stringify({ version: 1, tenant, services: Object.fromEntries(map) })
}

/** Reads what `encodeServiceMap` wrote. Undefined for another tenant's text or anything else: it is only a fallback. */
export function parseServiceMap(text: string, tenant: string): ServiceMap | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isJsonObject(parsed) || parsed['version'] !== 1 || parsed['tenant'] !== tenant)
    return undefined
  if (!isJsonObject(parsed['services'])) return undefined
  const map = new Map<string, string>()
  const entries = Object.entries(parsed['services'])
  addEndpoints(
    map,
    entries.map(([providerName, uri]) => ({ providerName, uri })),
  )
  return map.size > 0 ? map : undefined
}

function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const text = value.trim()
  return text === '' || text.length > MAX_TEXT ? undefined : text
}
