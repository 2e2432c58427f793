import { stringify } from 'yaml'
import { type ConfigurationKey, describeType, environmentName } from './key-list.ts'

/** A key as documents show it. */
export interface KeyText {
  /** As `profiles[].challenge.kind`. */
  readonly path: string
  readonly environment: string
  readonly type: string
  /** The default in YAML or in words; undefined where there is none. */
  readonly default: string | undefined
  readonly isRequired: boolean
  readonly meaning: string
  readonly example: string | undefined
}

/** Describes one key for people. */
export function describeKey(key: ConfigurationKey): KeyText {
  const { notes, defaultValue } = key
  const condition =
    key.when === undefined ? '' : ` Only with \`${key.when.key}: ${key.when.value}\`.`
  return {
    path: key.path.join('.').replaceAll('.[]', '[]'),
    environment: environmentName(key.path),
    type: describeType(key.schema, notes),
    default:
      notes.defaultText ?? (defaultValue === undefined ? undefined : formatYaml(defaultValue)),
    isRequired: !key.isOptional,
    meaning: `${notes.doc}${condition}`,
    example: notes.example,
  }
}

function formatYaml(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false })
    .replaceAll('\n', ' ')
    .trim()
}
