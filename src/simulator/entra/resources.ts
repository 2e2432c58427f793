import type { PublicUrls } from '../wire/public-urls.ts'

/** The resource principals that tokens are made for. */
export type Resource = 'intune' | 'graph' | 'aad-graph'

/** Names and application ids under which Entra ID knows them (protocol note, chapters 1.3 and 1.6). */
const registeredNames: Readonly<Record<Resource, readonly string[]>> = {
  intune: [
    'https://api.manage.microsoft.com',
    'https://api.manage.microsoft.us',
    'https://api.manage.microsoftonline.cn',
    'c161e42e-d4df-4a3d-9b42-e7a3c31f59d4',
  ],
  graph: [
    'https://graph.microsoft.com',
    'https://graph.microsoft.us',
    'https://dod-graph.microsoft.us',
    'https://microsoftgraph.chinacloudapi.cn',
    '00000003-0000-0000-c000-000000000000',
  ],
  'aad-graph': ['https://graph.windows.net', '00000002-0000-0000-c000-000000000000'],
}

/** The resource URL of Intune, with the slash of its registered name. */
export const intuneResourceUrl = 'https://api.manage.microsoft.com/'

/** Resources by any of their names; those of the simulator's own URLs count as well. */
export class ResourceRegistry {
  readonly #byName = new Map<string, Resource>()

  constructor(urls: PublicUrls) {
    for (const resource of ['intune', 'graph', 'aad-graph'] as const) {
      for (const name of registeredNames[resource]) this.#byName.set(normalise(name), resource)
    }
    for (const host of [new URL(urls.https).host, `localhost:${new URL(urls.https).port}`]) {
      this.#byName.set(`https://${host}/graph`, 'graph')
      this.#byName.set(`https://${host}/aad-graph`, 'aad-graph')
    }
  }

  /** Finds by the `aud` of a token, a v1 `resource`, or a v2 scope without its `/.default`. */
  find(name: string): Resource | undefined {
    return this.#byName.get(normalise(name))
  }
}

function normalise(name: string): string {
  return name.toLowerCase().replace(/\/+$/, '')
}
