import { describeKey, type KeyText } from './key-text.ts'
import { configurationKeys } from './load.ts'

/** The whole of docs/configuration.md, in Markdown. A test holds the file to it. */
export function describeConfiguration(): string {
  const names = [...new Set(configurationKeys.map((key) => key.path[0] ?? ''))]
  const sections = names.flatMap((name) => {
    const keys = configurationKeys.filter((key) => key.path[0] === name)
    const [first] = keys
    const title = [`## ${name}`]
    if (first?.kind !== 'value' && first?.notes.doc) title.push(first.notes.doc)
    return [...title, describeTable(keys.filter((key) => key.kind !== 'section').map(describeKey))]
  })
  return `${[...introduction, ...sections].join('\n\n')}\n`
}

const introduction = [
  '# Configuration',
  '<!-- Generated from src/config by `npm run docs`. Do not edit. -->',
  [
    'The connector reads one YAML file (`--config connector.yaml`) and the environment. Defaults are overridden by the file, the',
    'file by the environment. A commented example is `connector.example.yaml`; `certconnector check-config` checks a',
    'configuration without starting anything. Unknown keys are errors, and all problems are reported at once with their lines.',
  ].join('\n'),
  [
    '- **Environment.** Every key is also a variable: `CONNECTOR_` and its path in upper snake case. `n` stands for the index in',
    '  a list, from 0 and without gaps. Lists are JSON, or plain values with commas between them. An empty variable counts as',
    '  unset. Any other variable that begins with `CONNECTOR_` is an error, except `CONNECTOR_CONFIG`.',
    '- **Secrets** stand in files that a `…File` key names, or in the environment, never in the configuration file. They are',
    '  not printed anywhere.',
    '- **Paths** that are relative start from the folder of the configuration file.',
  ].join('\n'),
]

function describeTable(keys: readonly KeyText[]): string {
  return [
    '| key, environment | type | default | meaning | example |',
    '| --- | --- | --- | --- | --- |',
    ...keys.map((key) => {
      const standard = key.default ?? (key.isRequired ? '**required**' : '')
      const example = key.example === undefined ? '' : `\`${key.example}\``
      const cells = [
        `\`${key.path}\` \`${key.environment}\``,
        key.type,
        standard,
        key.meaning,
        example,
      ]
      return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
    }),
  ].join('\n')
}
