import type { ExpectedRequest } from './content.ts'
import { type CsrFacts, encodeSan } from './csr.ts'
import { isSameName, parseDistinguishedName } from './distinguished-name.ts'
import { type Refusal, refusal } from './refusal.ts'

/**
 * Compares a CSR with what its challenge expects: subject, subjectAltName, key length, keyUsage, extKeyUsage, in this
 * order, case-sensitively. Further extensions in the CSR are not looked at, as Intune does not.
 *
 * @returns the first difference
 */
export function checkRequest(csr: CsrFacts, expected: ExpectedRequest): Refusal | undefined {
  return (
    checkSubject(csr, expected.subject) ??
    checkAltNames(csr, expected.sans) ??
    checkKeyLength(csr, expected.keyLength) ??
    checkKeyUsage(csr, expected.keyUsage) ??
    checkPurposes(csr, expected.ekus)
  )
}

function checkSubject(csr: CsrFacts, text: string | undefined): Refusal | undefined {
  if (text === undefined) return undefined
  const expected = parseDistinguishedName(text)
  if (csr.subject.length === 0 && expected.length > 0) {
    return refusal('SubjectNameMissing', 'The certificate request has no subject name.')
  }
  if (typeof expected === 'string' || !isSameName(csr.subject, expected)) {
    return refusal('SubjectNameMismatch', `The subject name is not the expected "${text}".`)
  }
  return undefined
}

function checkAltNames(csr: CsrFacts, sans: ExpectedRequest['sans']): Refusal | undefined {
  if (sans === undefined) return undefined
  if (csr.sans.length === 0 && sans.length > 0) {
    return refusal('SubjectAltNameMissing', 'The certificate request has no alternative name.')
  }
  const expected = sans.map(({ type, value }) => encodeSan(type, value))
  if (isSameSet(csr.sans, expected)) return undefined
  return refusal('SubjectAltNameMismatch', 'The alternative names are not the expected ones.')
}

function checkKeyLength(csr: CsrFacts, bits: number | undefined): Refusal | undefined {
  if (bits === undefined || csr.keyLength === bits) return undefined
  return refusal('KeyLengthMismatch', `The key has ${csr.keyLength} bits, expected ${bits}.`)
}

function checkKeyUsage(csr: CsrFacts, usage: readonly string[] | undefined): Refusal | undefined {
  if (usage === undefined || isSameSet(csr.keyUsage ?? [], usage)) return undefined
  const found = csr.keyUsage?.join(', ') ?? 'absent'
  return refusal('KeyUsageMismatch', `Key usage is ${found}, expected ${usage.join(', ')}.`)
}

function checkPurposes(csr: CsrFacts, ekus: readonly string[] | undefined): Refusal | undefined {
  if (ekus === undefined) return undefined
  if (csr.ekus === undefined && ekus.length > 0) {
    return refusal('EnhancedKeyUsageMissing', 'The certificate request has no extended key usage.')
  }
  if (isSameSet(csr.ekus ?? [], ekus)) return undefined
  return refusal('EnhancedKeyUsageMismatch', `Expected extended key usage ${ekus.join(', ')}.`)
}

function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  const [left, right] = [new Set(a), new Set(b)]
  return left.size === right.size && [...left].every((entry) => right.has(entry))
}
