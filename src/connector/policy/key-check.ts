import { hash } from 'node:crypto'
import { type CertificationRequest, findRsaWeakness } from '../../pki/index.ts'
import type { CertificateRegister } from '../../store/index.ts'

/**
 * Whether the key of a request is known to be weak, or to be in other hands: a flawed or factored RSA key, one of the
 * operator's list, or that of a certificate that was revoked for keyCompromise.
 *
 * @param blockedKeys SHA-256 over the SubjectPublicKeyInfo, upper-case hexadecimal
 * @returns what is wrong, for people; undefined when nothing is known
 * @throws ConnectorError `store/unavailable`; `pki/malformed`
 * @see REQ-121; CA/Browser Forum Baseline Requirements, section 6.1.1.3
 */
export async function findKeyProblem(
  { spkiDer, publicKey }: Pick<CertificationRequest, 'spkiDer' | 'publicKey'>,
  blockedKeys: ReadonlySet<string>,
  certificates: Pick<CertificateRegister, 'isKeyCompromised'>,
): Promise<string | undefined> {
  const weakness = publicKey.algorithm === 'rsa' ? findRsaWeakness(spkiDer) : undefined
  if (weakness !== undefined) return weakness
  if (blockedKeys.size > 0 && blockedKeys.has(hash('sha256', spkiDer, 'hex').toUpperCase()))
    return 'the key is on the list of blocked keys'
  if (await certificates.isKeyCompromised(spkiDer))
    return 'a certificate for this key was revoked because the key was compromised'
  return undefined
}
