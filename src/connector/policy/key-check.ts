import { hash } from 'node:crypto'
import { type CertificationRequest, findRsaWeakness } from '../../pki/index.ts'

/**
 * Whether the key of a request is known to be weak, or to be in other hands: a flawed or factored RSA key, or one of the
 * operator's list. Keys of certificates that were revoked for keyCompromise are known to the register, which reserves
 * nothing for them.
 *
 * @param blockedKeys SHA-256 over the SubjectPublicKeyInfo, upper-case hexadecimal
 * @returns what is wrong, for people; undefined when nothing is known
 * @throws ConnectorError `pki/malformed`
 * @see REQ-121; CA/Browser Forum Baseline Requirements, section 6.1.1.3
 */
export function findKeyProblem(
  { spkiDer, publicKey }: Pick<CertificationRequest, 'spkiDer' | 'publicKey'>,
  blockedKeys: ReadonlySet<string>,
): string | undefined {
  const weakness = publicKey.algorithm === 'rsa' ? findRsaWeakness(spkiDer) : undefined
  if (weakness !== undefined) return weakness
  if (blockedKeys.size > 0 && blockedKeys.has(hash('sha256', spkiDer, 'hex').toUpperCase()))
    return 'the key is on the list of blocked keys'
  return undefined
}
