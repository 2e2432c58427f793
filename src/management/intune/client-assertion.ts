import { createHash, createPrivateKey, KeyObject, randomUUID, X509Certificate } from 'node:crypto'
import { SignJWT } from 'jose'
import { type Clock, ConnectorError, type Secret } from '../../kernel/index.ts'

/** Makes a fresh proof for one token call. */
export type AssertionSource = (tokenUrl: string) => Promise<string>

/**
 * Signs client assertions with a certificate's key: PS256, `x5t#S256`, a new `jti` for each call, valid for 5 minutes.
 * MSAL would make them too, but sends the same `jti` again for ten minutes.
 *
 * @throws ConnectorError `management/misconfigured` unreadable, not RSA, shorter than 2048 bits, or not the certificate's key
 * @see Microsoft, "Application authentication certificate credentials"
 */
export function createAssertionSource(
  clientId: string,
  certificatePem: string,
  privateKey: Secret | KeyObject,
  clock: Clock,
): AssertionSource {
  const { certificate, key } = loadCredential(certificatePem, privateKey)
  const thumbprint = createHash('sha256').update(certificate.raw).digest('base64url')
  return async (tokenUrl) => {
    const now = Math.floor(clock.now().getTime() / 1000)
    return await new SignJWT()
      .setProtectedHeader({ alg: 'PS256', typ: 'JWT', 'x5t#S256': thumbprint })
      .setAudience(tokenUrl)
      .setIssuer(clientId)
      .setSubject(clientId)
      .setJti(randomUUID())
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(now + 300)
      .sign(key)
  }
}

function loadCredential(
  certificatePem: string,
  privateKey: Secret | KeyObject,
): { certificate: X509Certificate; key: KeyObject } {
  let certificate: X509Certificate
  let key: KeyObject
  try {
    certificate = new X509Certificate(certificatePem)
    key = privateKey instanceof KeyObject ? privateKey : createPrivateKey(privateKey.reveal())
  } catch {
    // The cause is left out: texts about key material are no matter for a log.
    throw misconfigured('certificate or private key cannot be read: give PEM, the key as PKCS #8')
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (key.asymmetricKeyType !== 'rsa' || bits < 2048) {
    throw misconfigured(
      `key is ${key.asymmetricKeyType ?? 'unknown'} ${bits}: give RSA with 2048 bits`,
    )
  }
  if (!certificate.checkPrivateKey(key))
    throw misconfigured('private key does not fit the certificate')
  return { certificate, key }
}

function misconfigured(problem: string): ConnectorError {
  return new ConnectorError('management/misconfigured', `credential: ${problem}`)
}
