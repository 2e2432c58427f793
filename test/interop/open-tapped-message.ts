import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ProgramArguments, runOrThrow } from './run-program.ts'
import type { Stage } from './stage.ts'
import type { TappedMessage } from './wire-tap.ts'

/** What a client sent, as `openssl` reads it; the connector's codec has no part in it. */
export interface OpenedMessage {
  readonly method: 'GET' | 'POST'
  /** Digest of the signature, as openssl names it: `sha256`. */
  readonly digest: string
  readonly signature: string
  /** Content encryption, as openssl names it: `des-ede3-cbc`. */
  readonly cipher: string
  readonly recipients: number
  readonly csrDer: Buffer
  /** Who signed: the certificate that came with the message. */
  readonly signer: X509Certificate
}

/** Opens a pkiMessage: outer signature checked, envelope decrypted with the RA key, all by the `openssl` command. */
export async function openTappedMessage(
  stage: Stage,
  tapped: TappedMessage,
): Promise<OpenedMessage> {
  const message = stage.write('tapped.der', tapped.messageDer)
  const envelope = join(stage.folder, 'envelope.der')
  const signedBy = join(stage.folder, 'signer.pem')
  // DES is only in the legacy provider; naming one provider unloads the default one.
  const providers = ['-provider', 'default', '-provider', 'legacy']
  const cms = async (...args: ProgramArguments) =>
    await runOrThrow('openssl', ['cms', ...providers, '-inform', 'DER', ...args])

  // -noverify: the signer is usually self-signed. The signature over the content is checked all the same.
  await cms('-verify', '-noverify', '-binary', '-in', message, [
    '-out',
    envelope,
    '-signer',
    signedBy,
  ])
  const outer = (await cms('-cmsout', '-print', '-noout', '-in', message)).toString('utf8')
  const inner = (await cms('-cmsout', '-print', '-noout', '-in', envelope)).toString('utf8')
  const csrDer = await cms(
    ['-decrypt', '-binary', '-in', envelope],
    ['-recip', stage.files.ra, '-inkey', stage.files.raKey],
    ['-passin', `file:${stage.files.passphrase}`],
  )
  const signerInfos = outer.slice(outer.indexOf('signerInfos:'))
  return {
    method: tapped.method,
    digest: find(signerInfos, /digestAlgorithm:\s+algorithm: (\S+)/),
    signature: find(signerInfos, /signatureAlgorithm:\s+algorithm: (\S+)/),
    cipher: find(inner, /contentEncryptionAlgorithm:\s+algorithm: (\S+)/),
    recipients: inner.split('d.ktri').length - 1,
    csrDer,
    signer: new X509Certificate(readFileSync(signedBy)),
  }
}

function find(text: string, pattern: RegExp): string {
  const found = pattern.exec(text)?.[1]
  if (found === undefined) throw new Error(`openssl printed nothing like ${pattern.source}`)
  return found
}
