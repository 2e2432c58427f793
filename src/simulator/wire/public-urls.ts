import { isIPv6 } from 'node:net'

/** Base URLs of the services that the simulator plays, all on one listener. */
export interface PublicUrls {
  /** No trailing slash. */
  readonly https: string
  /** Login authority, with trailing slash: clients append the tenant. */
  readonly authority: string
  /** MS Graph, with trailing slash: clients append `v1.0/…`. */
  readonly graph: string
  /** AAD Graph, with trailing slash: clients append the tenant. */
  readonly aadGraph: string
}

/** Where each service stands on a host and port. */
export function publicUrlsOf(host: string, port: number): PublicUrls {
  const https = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`
  return {
    https,
    authority: `${https}/`,
    graph: `${https}/graph/`,
    aadGraph: `${https}/aad-graph/`,
  }
}
