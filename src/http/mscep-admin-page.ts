import { createHash } from 'node:crypto'
import type { Secret } from '../kernel/index.ts'
import { type Html, html } from './html.ts'

/** A password for the page. */
export interface PagePassword {
  readonly challenge: Secret
  /** Undefined: it may be used again and does not expire. */
  readonly validMinutes: number | undefined
}

/** What the page says: a password, or why there is none. */
export type PageContent = PagePassword | 'full' | 'forbidden'

const TITLE = 'Network Device Enrollment Service'

/**
 * The page with a challenge as people and programs know it from NDES. Programs look for its sentences letter by letter: the
 * thumbprint first, each value in `<B> … </B>` behind one blank.
 *
 * @param caCertificateDer the issuing CA
 * @see REQ-155 to 158
 */
export function encodeMscepAdminPage(content: PageContent, caCertificateDer: Uint8Array): string {
  return String(html`<HTML><Head><Title>${TITLE}</Title></Head><Body>
<H1>${TITLE}</H1>
${content === 'forbidden' ? forbidden : [describeCa(caCertificateDer), describePassword(content)]}
</Body></HTML>
`)
}

/** The page without an operation, where a profile has one (REQ-151). */
export function encodeLandingPage(): string {
  return String(html`<HTML><Head><Title>${TITLE}</Title></Head><Body>
<H1>${TITLE}</H1>
<P>This address serves devices that speak the Simple Certificate Enrolment Protocol (SCEP).</P>
</Body></HTML>
`)
}

/** MD5 over the certificate, upper-case hexadecimal in groups of eight (REQ-156). */
export function formatThumbprint(certificateDer: Uint8Array): string {
  const hex = createHash('md5').update(certificateDer).digest('hex').toUpperCase()
  return (hex.match(/.{8}/g) ?? []).join(' ')
}

const forbidden = html`<P> You do not have sufficient permission to enroll with SCEP. </P>`

function describeCa(certificateDer: Uint8Array): Html {
  return html`<P> The thumbprint (hash value) for the CA certificate is: <B> ${formatThumbprint(certificateDer)} </B> </P>
`
}

function describePassword(content: PagePassword | 'full'): Html {
  if (content === 'full')
    return html`<P> The password cache is full. </P>
<P> Use a password that was given out before, or wait until one expires. </P>`
  const { challenge, validMinutes } = content
  return html`<P> The enrollment challenge password is: <B> ${challenge.reveal()} </B> </P>
<P> ${
    validMinutes === undefined
      ? 'This password can be used multiple times and will not expire.'
      : `This password can be used only once and will expire within ${validMinutes} minutes.`
  } </P>`
}
