/** CARequestErrorCode (protocol note, chapter 4.5). */
const names: Readonly<Record<string, number>> = {
  None: 0,
  NonRetryableServiceException: 4000,
  DataSerializationError: 4001,
  ParameterDataInvalidError: 4002,
  CryptographyError: 4003,
  CertificateNotFoundError: 4004,
  ConflictError: 4005,
  NotSupportedError: 4006,
  PayloadTooLargeError: 4007,
  RetryableServiceException: 4100,
  ServiceUnavailableException: 4101,
  ServiceTooBusyException: 4102,
  AuthenticationException: 4103,
}

/** A result code of a CA. */
export interface CaErrorCode {
  readonly name: string
  readonly value: number
  /** Whether Intune offers the request again. */
  readonly isRetryable: boolean
}

/** Reads a code as clients send it: name in any case, number, or number as text. Undefined for anything else. */
export function parseCaErrorCode(sent: string | number): CaErrorCode | undefined {
  const text = String(sent).toLowerCase()
  const found = Object.entries(names).find(
    ([name, value]) => name.toLowerCase() === text || String(value) === text,
  )
  if (!found) return undefined
  const [name, value] = found
  return { name, value, isRetryable: value >= 4100 }
}
