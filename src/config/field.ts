import * as z from 'zod'
import { Secret } from '../kernel/index.ts'

/** What a key of the configuration says about itself, for documents and for error messages. */
export interface FieldNotes {
  /** One or two sentences for docs/configuration.md. */
  readonly doc: string
  /** A value as it stands in YAML. */
  readonly example?: string
  /** What is expected, where the schema cannot say it well. */
  readonly type?: string
  /** The default in words, where it is computed. */
  readonly defaultText?: string
  /** A path; a relative one is resolved against the folder of the configuration file. */
  readonly isPath?: boolean
  /** A path to a file that holds a secret: its text becomes the value of this key beside it. */
  readonly secretKey?: string
  /** Set by the environment or by the file beside it, never in the configuration file; never shown. */
  readonly isSecret?: boolean
}

const registry = z.registry<FieldNotes>()

/** Attaches notes to a schema and returns the same schema. */
export function field<S extends z.ZodType>(schema: S, notes: FieldNotes): S {
  registry.add(schema, notes)
  return schema
}

/** The notes of a schema. */
export function findNotes(schema: z.core.$ZodType): FieldNotes | undefined {
  return registry.get(schema)
}

/** A path that may be left out. */
export function pathField(doc: string, example: string) {
  return field(z.exactOptional(z.string().min(1).max(4096)), { doc, example, isPath: true })
}

/** The two keys of a secret: the file that holds it, and its value from the environment. */
export function secretFields<K extends string>(key: K, doc: string, example: string) {
  const file = field(z.exactOptional(z.string().min(1).max(4096)), {
    doc: `File that holds ${doc}; a line feed at its end does not count.`,
    example,
    isPath: true,
    secretKey: key,
  })
  const value = field(
    z.exactOptional(
      z.custom<Secret>((given) => given instanceof Secret, {
        error: 'a secret is not written into the configuration file',
      }),
    ),
    { doc: `The same from the environment only, instead of \`${key}File\`.`, isSecret: true },
  )
  return { [`${key}File`]: file, [key]: value } as Record<`${K}File`, typeof file> &
    Record<K, typeof value>
}

/** A whole number within bounds. */
export function integer(least: number, most: number) {
  return z.int().min(least).max(most)
}

/** Text without control characters. */
export function text(most: number) {
  return z
    .string()
    .min(1)
    .max(most)
    .regex(/^\P{Cc}+$/u, { error: 'text without control characters' })
}
