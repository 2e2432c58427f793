const JWT = /\beyJ[\w-]{8,}\.[\w-]+(\.[\w-]*)?/g
const LONG_RUN = /[A-Za-z0-9+/_=-]{80,}/g

/**
 * Makes text of the other side fit for a log: one line, printable, short, without the secrets that we know and without
 * anything that looks like a token, a CSR or a challenge. A hostile or broken server may echo what we sent.
 *
 * @param secrets texts that must not appear; shorter than 4 characters are ignored, they would cut everything
 */
export function cleanText(text: string, secrets: readonly string[] = [], maxLength = 400): string {
  let clean = text.slice(0, 16_384)
  // The longest first, so that a secret inside another one does not leave the rest of it behind.
  for (const secret of [...secrets].sort((a, b) => b.length - a.length)) {
    if (secret.length < 4) continue
    for (const form of [secret, encodeURIComponent(secret), formEncode(secret)]) {
      clean = clean.replaceAll(form, '[removed]')
    }
  }
  clean = clean.replace(JWT, '[removed]').replace(LONG_RUN, '[removed]')
  clean = clean
    .replace(/[^\P{C}\n\t ]|[\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return clean.length > maxLength ? `${clean.slice(0, maxLength - 1)}…` : clean
}

/** As a form body spells it, which also escapes `~` and writes `+` for a space. */
function formEncode(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}
