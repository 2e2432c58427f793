/** Where one national cloud answers. Every URL is https and ends in a slash. */
export interface CloudUrls {
  /** Entra ID; the tenant is appended. */
  readonly authorityUrl: string
  readonly graphUrl: string
  /** Audience of Intune tokens; the scope is this text and `/.default`, so it holds two slashes. */
  readonly intuneResourceUrl: string
}

/** Clouds with a preset. `china` holds a guess: its Intune resource is not published. */
export type CloudName = 'global' | 'us-gcc-high' | 'us-dod' | 'china'

/**
 * Presets of the national clouds. GCC (moderate) uses `global`.
 *
 * @see Microsoft, "National cloud deployments" and "US government endpoints for Microsoft Intune"
 */
export const CLOUDS: Readonly<Record<CloudName, CloudUrls>> = {
  global: {
    authorityUrl: 'https://login.microsoftonline.com/',
    graphUrl: 'https://graph.microsoft.com/',
    intuneResourceUrl: 'https://api.manage.microsoft.com/',
  },
  'us-gcc-high': {
    authorityUrl: 'https://login.microsoftonline.us/',
    graphUrl: 'https://graph.microsoft.us/',
    intuneResourceUrl: 'https://api.manage.microsoft.us/',
  },
  'us-dod': {
    authorityUrl: 'https://login.microsoftonline.us/',
    graphUrl: 'https://dod-graph.microsoft.us/',
    intuneResourceUrl: 'https://api.manage.microsoft.us/',
  },
  china: {
    authorityUrl: 'https://login.partner.microsoftonline.cn/',
    graphUrl: 'https://microsoftgraph.chinacloudapi.cn/',
    intuneResourceUrl: 'https://api.manage.microsoftonline.cn/',
  },
}

/** Hosts that Intune's services live on, in any cloud. A discovered address outside them gets no token. */
export const INTUNE_HOST_SUFFIXES: readonly string[] = [
  'manage.microsoft.com',
  'manage.microsoft.us',
  'manage.microsoftonline.cn',
]
