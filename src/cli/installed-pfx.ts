import { X509Certificate } from 'node:crypto'
import { ConnectorError, Secret } from '../kernel/index.ts'
import { findIdentity, openPfxInThread } from '../pfx/index.ts'
import type { ShownStep } from './shown-steps.ts'

/** How a SID of a domain begins. */
const SID_BEGIN = 'S-1-5-21-'

/**
 * Opens a PFX as a device does when it installs it, and looks at what is inside: the certificate is that of the key, and
 * each certificate was signed by the next one, up to a root.
 *
 * @throws ConnectorError `pfx/unreadable`, `import/refused`
 */
export async function inspectPfx(pfx: Uint8Array, password: Uint8Array): Promise<ShownStep> {
  const opened = await openPfxInThread(pfx, new Secret(Buffer.from(password).toString('ascii')))
  const { certificate, others, key } = findIdentity(opened)
  const chain = followChain(certificate, others)
  return {
    title: 'The device opens the PFX with the password',
    facts: [
      ['subject', lineOf(certificate.subject)],
      ['names', certificate.subjectAltName ?? '(none)'],
      ['SID', findSid(certificate.raw) ?? '(none)'],
      ['key', `${key.asymmetricKeyType ?? ''}, of this certificate`],
      ['good until', certificate.validToDate.toISOString()],
      ['chain', `verified: ${chain.map(({ subject }) => lineOf(subject)).join('  ⟶  ')}`],
    ],
  }
}

function followChain(
  leaf: X509Certificate,
  others: readonly X509Certificate[],
): readonly X509Certificate[] {
  const chain = [leaf]
  for (let at = leaf; !(at.checkIssued(at) && at.verify(at.publicKey)); ) {
    const issuer = others.find((one) => at.checkIssued(one) && at.verify(one.publicKey))
    if (issuer === undefined || chain.includes(issuer))
      throw new ConnectorError(
        'import/refused',
        `the PFX lacks the issuer of ${lineOf(at.subject)}, or its signature is wrong`,
      )
    chain.push(issuer)
    at = issuer
  }
  return chain
}

function lineOf(name: string): string {
  return name.replaceAll('\n', ', ')
}

/** Microsoft's SID extension holds the SID as an OCTET STRING of ASCII: its length is the octet before. */
function findSid(der: Buffer): string | undefined {
  const at = der.indexOf(SID_BEGIN, 0, 'latin1')
  return at < 1 ? undefined : der.toString('latin1', at, at + (der[at - 1] ?? 0))
}
