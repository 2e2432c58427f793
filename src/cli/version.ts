import { readFileSync } from 'node:fs'

/** Version of the package, from its package.json, which stands two folders above in source and build alike. */
export function loadVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { readonly version: string }
  return version
}
