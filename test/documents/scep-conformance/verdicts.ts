/** What a requirement is said to be where it is not simply met. */
export interface Remark {
  readonly verdict: 'met' | 'met in part' | 'not met'
  /** For the reader of the page: what is different or missing, and what to do meanwhile. */
  readonly remark: string
}

/** Requirements that need a word. All others are met without one. */
export const remarks: Readonly<Record<number, Remark>> = {
  9: {
    verdict: 'met',
    remark: 'profiles are chosen by URL; no profile has several CAs to choose from',
  },
  34: {
    verdict: 'met in part',
    remark:
      'the answer is there (`singleCaCert`); the embedded CA always has an RA, for the reason at REQ-41',
  },
  41: {
    verdict: 'not met',
    remark:
      'on purpose: whoever can reach the server can have its recipient key decrypt; that must not be the key that signs certificates and CRLs, and it may be on P-256. `ra.pair` and `singleCaCert` serve the clients that need it simple',
  },
  51: {
    verdict: 'met',
    remark:
      'signed by the RA, which is RSA whatever the CA; after signer and chain the next certificates stand once more, since jscep reads the outer ones',
  },
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
  191: {
    verdict: 'met',
    remark: 'the rate limit comes even earlier, before the body is read',
  },
  194: {
    verdict: 'met',
    remark:
      'PKIOperations, not GetCACaps and GetCACert; what is encrypted is overwritten as well, since whoever has the RA key could read the challenge there, so signatures over it no longer hold; bytes that are no CMS are kept as they came',
  },
}
