/** A finding of a linter that stays, with the reason. */
export interface ExplainedFinding {
  readonly linter: 'zlint' | 'pkilint'
  /** Name of the lint, or code of the finding. */
  readonly code: string
  /** What it is found in. */
  readonly found: string
  readonly reason: string
}

/**
 * What zlint and pkilint find in what the embedded CA makes, and why it stays. `npm run test:interop` fails for a finding
 * that is not here, and for one that is here and no longer found.
 */
export const explainedFindings: readonly ExplainedFinding[] = [
  {
    linter: 'zlint',
    code: 'w_root_ca_basic_constraints_path_len_constraint_field_present',
    found: 'root',
    reason:
      'A recommendation of the CA/Browser Forum for roots of browsers. pathLenConstraint 1 says what this root is for: one level of issuing CAs.',
  },
  {
    linter: 'zlint',
    code: 'e_invalid_ca_certificate_policies',
    found: 'issuing CA',
    reason:
      'A rule for public TLS CAs. A private CA without a published policy has none to name; without the extension any policy is valid (RFC 5280, section 6.1).',
  },
  {
    linter: 'zlint',
    code: 'e_sub_ca_certificate_policies_missing',
    found: 'issuing CA',
    reason: 'The same rule.',
  },
  {
    linter: 'zlint',
    code: 'e_sub_ca_crl_distribution_points_missing',
    found: 'issuing CA',
    reason:
      'The root signs no CRL, since its key is meant to leave the server. An issuing CA is taken back by taking its root out of the devices.',
  },
  {
    linter: 'zlint',
    code: 'w_sub_ca_aia_missing',
    found: 'issuing CA',
    reason:
      'A rule for public TLS CAs. Devices have the root from their management; there is no other way to trust it.',
  },
  {
    linter: 'zlint',
    code: 'e_key_usage_and_extended_key_usage_inconsistent',
    found: 'device certificates with keyEncipherment',
    reason:
      'RFC 5280, section 4.2.1.12, names digitalSignature and keyAgreement for clientAuth. Intune and Apple ask for keyEncipherment as well, and Windows uses it; what a request that says nothing gets is `certificate.defaultKeyUsages`.',
  },
  {
    linter: 'zlint',
    code: 'e_cab_crl_has_valid_reason_code',
    found: 'CRLs with certificateHold, cACompromise and others',
    reason:
      'The CA/Browser Forum forbids these reasons for TLS certificates of browsers; RFC 5280, section 5.3.1, has them, and an administrator may choose them.',
  },
  {
    linter: 'zlint',
    code: 'e_crl_extensions_validity',
    found: 'complete CRLs with freshestCRL',
    reason:
      'The CA/Browser Forum recommends against it; delta CRLs are off unless `ca[].crl.delta.enabled` says otherwise.',
  },
  {
    linter: 'pkilint',
    code: 'pkix.invalid_uri_syntax',
    found: 'device certificates with Microsoft’s SID URI',
    reason:
      'A `tag:` URI (RFC 4151) is valid by RFC 3986; the linter wants an authority in it. Microsoft defines this text (KB5014754), and it is the device’s own subjectAltName, octet for octet.',
  },
]

/** The section of docs/scep-conformance.md. */
export function renderFindings(): readonly string[] {
  return [
    '## What linters say',
    '',
    'Every certificate, CRL and OCSP answer that the embedded CA makes, for each key type and kind of profile, is read by OpenSSL,',
    'GnuTLS, zlint and pkilint in `npm run test:interop`. These findings stay; any other one fails the run.',
    '',
    '| linter | finding | found in | why it stays |',
    '| --- | --- | --- | --- |',
    ...explainedFindings.map(
      ({ code, found, linter, reason }) => `| ${linter} | \`${code}\` | ${found} | ${reason} |`,
    ),
    '',
  ]
}
