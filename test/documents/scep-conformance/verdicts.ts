/** What a requirement is said to be where it is not simply met. */
export interface Remark {
  readonly verdict: 'met' | 'met in part' | 'not met'
  /** For the reader of the page: what is different or missing, and what to do meanwhile. */
  readonly remark: string
}

const rollOver =
  'there is no roll-over of a CA yet; make a new CA with another `id` and move profiles to it'

/** Requirements that need a word. All others are met without one. */
export const remarks: Readonly<Record<number, Remark>> = {
  9: {
    verdict: 'met',
    remark: 'profiles are chosen by URL; no profile has several CAs to choose from',
  },
  17: {
    verdict: 'met in part',
    remark: 'one listener, HTTP or HTTPS; both at once need a proxy in front (templates are there)',
  },
  34: {
    verdict: 'met in part',
    remark: 'the answer is there; the embedded CA always has an RA, so that it never comes to this',
  },
  39: {
    verdict: 'met in part',
    remark: 'the codec works with two; the embedded CA makes one, which does both',
  },
  41: { verdict: 'not met', remark: 'a CA that is its own recipient cannot be configured' },
  42: {
    verdict: 'not met',
    remark:
      '`includeRoot` is there, `includeIntermediate` is not: the issuing CA is always in the list',
  },
  50: { verdict: 'not met', remark: rollOver },
  51: { verdict: 'not met', remark: rollOver },
  52: { verdict: 'not met', remark: rollOver },
  68: {
    verdict: 'met',
    remark:
      'several signers are badMessageCheck; without any there is no transactionID to answer under: 400 (REQ-64)',
  },
  99: {
    verdict: 'met in part',
    remark: 'OAEP whose mask has another hash than its label is refused with badAlg',
  },
  100: {
    verdict: 'met',
    remark:
      'for this, all failures between decryption and proof of possession share one answer, a malformed CSR too',
  },
  105: {
    verdict: 'met',
    remark:
      'key agreement is badAlg. By password: PBKDF2 of at most 10,000 iterations, AES-CBC, and a signer with an RSA key as ever; the answer is encrypted the same way',
  },
  115: {
    verdict: 'met',
    remark: 'URL first, then `templates` of its profile by name, then by key usage',
  },
  121: {
    verdict: 'met',
    remark:
      'known weak are ROCA, small factors, keys of certificates revoked for keyCompromise, and `blockedKeysFile`; lists of Debian keys of 2008 are not included and can be put there',
  },
  139: {
    verdict: 'met in part',
    remark:
      'code, text, attribute, and comparisons in constant time; a refusal ends before policy, signature and reply of an issuance, and is not delayed: its answer says the same, and failed challenges are limited by source',
  },
  146: {
    verdict: 'met',
    remark:
      'for every CA that there is; none of them keeps requests waiting itself, and one that did would be refused',
  },
  170: { verdict: 'met in part', remark: 'signer certificate or none; its chain cannot be added' },
  175: { verdict: 'met in part', remark: '`issuer` and `full`; `chain` is missing' },
  191: {
    verdict: 'met',
    remark: 'the rate limit comes even earlier, before the body is read',
  },
  194: {
    verdict: 'not met',
    remark:
      'use a packet capture: messages travel as they are, and the challenge inside is encrypted',
  },
}
