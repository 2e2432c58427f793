import { isIP } from 'node:net'
import { octetsOfIp } from './challenge/ip-address.ts'
import { altName, type Identity, issueIdentity } from './x509.ts'

/** The simulator's TLS server certificate and the CA that a client must trust for it. */
export interface TlsIdentity {
  readonly server: Identity
  readonly caPem: string
}

/**
 * Makes a CA and a server certificate for loopback and for `publicHost`. The CA's key is forgotten afterwards, so
 * trusting the CA file trusts this one server only.
 */
export async function issueTlsIdentity(publicHost: string, now: Date): Promise<TlsIdentity> {
  const ca = await issueIdentity({
    commonName: `Simulator TLS CA ${now.toISOString()}`,
    purpose: 'certificate-authority',
    key: 'p-256',
    now,
  })
  const hosts = new Set(['localhost', '127.0.0.1', '::1', publicHost])
  const server = await issueIdentity({
    commonName: 'Intune simulator',
    purpose: 'tls-server',
    key: 'p-256',
    issuer: ca,
    altNames: [...hosts].map((host) => altName(isIP(host) === 0 ? host : octetsOfIp(host))),
    now,
  })
  return { server, caPem: ca.certificatePem }
}
