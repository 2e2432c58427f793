/** What a requirement is said to be where it is not simply met. */
export interface Remark {
  readonly verdict: 'met' | 'met in part' | 'not met'
  /** For the reader of the page: what is different, and why that is acceptable. */
  readonly remark: string
}

/** Requirements that need a word. All others are met without one. */
export const remarks: Readonly<Record<number, Remark>> = {
  9: {
    verdict: 'met',
    remark: 'profiles are chosen by URL; no profile has several CAs to choose from',
  },
  68: {
    verdict: 'met',
    remark:
      'several signers are badMessageCheck; without any there is no transactionID to answer under: 400 (REQ-64)',
  },
  100: {
    verdict: 'met',
    remark:
      'for this, all failures between decryption and proof of possession share one answer, a malformed CSR too',
  },
}
