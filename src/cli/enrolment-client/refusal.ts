import { ConnectorError, type ErrorCode } from '../../kernel/index.ts'
import type { OpenedReply } from './reply-message.ts'

/** failInfo by number (RFC 8894, section 3.2.1.4): its name, our error code, and what to do about it. */
const FAIL_INFOS: Readonly<
  Record<string, readonly [name: string, code: ErrorCode, remedy: string]>
> = {
  0: ['badAlg', 'scep/unsupported-algorithm', 'choose a digest and cipher that the server allows'],
  1: [
    'badMessageCheck',
    'scep/bad-signature',
    'fetch the CA certificates again: the RA key may have changed',
  ],
  2: [
    'badRequest',
    'scep/bad-request',
    'check challenge, subject, names and key against the SCEP profile',
  ],
  3: ['badTime', 'scep/bad-time', 'set the clock of this machine'],
  4: ['badCertId', 'scep/bad-request', 'the server does not know the certificate that was named'],
}

/** The error for a reply that brings no certificate: what the server said, and the next step. */
export function refusalError(reply: Exclude<OpenedReply, { kind: 'issued' }>): ConnectorError {
  if (reply.kind === 'pending') {
    return new ConnectorError(
      'ca/unavailable',
      'the server answers PENDING: somebody has to approve, or the CA is away; a run with --wait sends the same request until it has an answer',
      { isTransient: true },
    )
  }
  const [name, code, remedy] = FAIL_INFOS[reply.failInfo] ?? [
    `failInfo "${reply.failInfo}"`,
    'scep/bad-request',
    'ask the administrator of the server',
  ]
  const text = reply.text === undefined ? 'without a reason' : `"${reply.text}"`
  return new ConnectorError(code, `the server refuses, ${name}, ${text}; ${remedy}`)
}
