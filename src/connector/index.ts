/** What the product does, top to bottom. Knows the order of things. Does not know Express, SQL or JSON on any wire. */
export type { CertificateRules } from './certificate-policy.ts'
export type * from './ports.ts'
