import * as z from 'zod'
import { type FieldNotes, findNotes } from './field.ts'

type Schema = z.core.$ZodType

/** One key of the configuration, or one that holds others (`section`, `list`). */
export interface ConfigurationKey {
  /** Steps from the top; `[]` stands for any element of a list. */
  readonly path: readonly string[]
  readonly kind: 'value' | 'section' | 'list'
  readonly notes: FieldNotes
  /** The schema without its default. */
  readonly schema: Schema
  readonly isOptional: boolean
  /** Undefined where there is none. */
  readonly defaultValue: unknown
  /** The key exists only where the one beside it has this value. */
  readonly when: Condition | undefined
}

export interface Condition {
  readonly key: string
  readonly value: string
}

/** Every key of a schema, parents before children, in the order of the schema. */
export function listKeys(schema: Schema, path: readonly string[] = []): ConfigurationKey[] {
  const bare = unwrap(schema)
  const inner = bare.schema
  if (inner instanceof z.ZodObject) {
    return Object.entries(inner.shape).flatMap(([name, child]) => listKey(child, [...path, name]))
  }
  if (inner instanceof z.ZodDiscriminatedUnion) return listAlternatives(inner, path)
  return []
}

/** `CONNECTOR_` and the path in upper snake case; `n` stands for the index in a list. */
export function environmentName(path: readonly (string | number)[]): string {
  const steps = path.map((step) =>
    step === '[]'
      ? 'n'
      : String(step)
          .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
          .toUpperCase(),
  )
  return `CONNECTOR_${steps.join('_')}`
}

/** What a key expects, in words. */
export function describeType(schema: Schema, notes?: FieldNotes): string {
  const given = notes ?? findNotes(schema)
  if (given?.type !== undefined) return given.type
  if (given?.isSecret === true) return 'secret'
  if (given?.isPath === true) return 'path'
  const inner = unwrap(schema).schema
  if (inner instanceof z.ZodEnum) return `one of ${inner.options.join(', ')}`
  if (inner instanceof z.ZodLiteral) return [...inner.values].map(String).join(' or ')
  if (inner instanceof z.ZodBoolean) return 'true or false'
  if (inner instanceof z.ZodNumber) return `whole number, ${inner.minValue} to ${inner.maxValue}`
  if (inner instanceof z.ZodArray) return `list of: ${describeType(inner.element)}`
  if (inner instanceof z.ZodUnion) {
    return inner.options.map((option) => describeType(option)).join(', or ')
  }
  if (inner instanceof z.ZodObject || inner instanceof z.ZodDiscriminatedUnion) return 'section'
  return 'text'
}

/** Takes off defaults, options and transformations. */
export function unwrap(schema: Schema): {
  readonly schema: Schema
  readonly isOptional: boolean
  readonly defaultValue: unknown
} {
  let at = schema
  let isOptional = false
  let defaultValue: unknown
  for (;;) {
    if (at instanceof z.ZodDefault || at instanceof z.ZodPrefault) {
      defaultValue ??= at.def.defaultValue
      isOptional = true
      at = at.def.innerType
    } else if (at instanceof z.ZodOptional || at instanceof z.ZodExactOptional) {
      isOptional = true
      at = at.def.innerType
    } else if (at instanceof z.ZodPipe) {
      at = at.def.in
    } else {
      return { schema: at, isOptional, defaultValue }
    }
  }
}

function listKey(schema: Schema, path: readonly string[], when?: Condition): ConfigurationKey[] {
  const { schema: inner, isOptional, defaultValue } = unwrap(schema)
  const base = { path, schema: inner, isOptional, defaultValue, when }
  const notes = findNotes(schema)
  if (inner instanceof z.ZodArray && listKeys(inner.element, []).length > 0) {
    const element = listKeys(inner.element, [...path, '[]'])
    return [{ ...base, kind: 'list', notes: notes ?? { doc: '' } }, ...element]
  }
  const children = listKeys(inner, path)
  if (children.length > 0) {
    return [{ ...base, kind: 'section', notes: notes ?? { doc: '' } }, ...children]
  }
  if (notes === undefined) throw new TypeError(`${path.join('.')} has no notes`)
  return [{ ...base, kind: 'value', notes }]
}

/** Keys of all alternatives; the one that tells them apart once, with all its values. */
function listAlternatives(
  union: z.ZodDiscriminatedUnion,
  path: readonly string[],
): ConfigurationKey[] {
  const key = union.def.discriminator
  const options = union.options.filter((option) => option instanceof z.ZodObject)
  const values = options.flatMap((option) => {
    const literal: unknown = option.shape[key]
    return literal instanceof z.ZodLiteral ? [...literal.values].map(String) : []
  })
  const discriminators = options.slice(0, 1).flatMap((option) => {
    const [entry] = listKey(option.shape[key], [...path, key])
    if (entry === undefined) return []
    return [{ ...entry, notes: { ...entry.notes, type: `one of ${values.join(', ')}` } }]
  })
  const others = options.flatMap((option, index) =>
    Object.entries(option.shape)
      .filter(([name]) => name !== key)
      .flatMap(([name, child]) => {
        const when = { key, value: values[index] ?? '' }
        return listKey(child as Schema, [...path, name], when)
      }),
  )
  return [...discriminators, ...others]
}
