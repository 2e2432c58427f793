import type { PlayedRow, Row } from './rows.ts'

/** Rows of a run in the order of the list, and where the two differ. A row that was played twice counts as its worse end. */
export function sortRows(
  played: readonly PlayedRow[],
  listed: readonly Row[],
): {
  readonly rows: readonly PlayedRow[]
  readonly unplayed: readonly Row[]
  readonly unlisted: readonly Row[]
} {
  const isSame = (one: Row) => (other: Row) =>
    one.client === other.client && one.claim === other.claim
  const rows = listed.flatMap((row) => {
    const found = played.filter(isSame(row))
    const worse = found.find(({ result }) => result !== 'passed') ?? found[0]
    return worse === undefined ? [] : [worse]
  })
  return {
    rows,
    unplayed: listed.filter((row) => !played.some(isSame(row))),
    unlisted: played.filter((row) => !listed.some(isSame(row))),
  }
}

/** The table that ends a run: client, version, result, story. */
export function formatTable(played: readonly PlayedRow[]): string {
  const rows = played.map(({ client, version, result, claim }) => [
    client,
    version ?? 'missing',
    result,
    claim,
  ])
  const all = [['client', 'version', 'result', 'story'], ...rows]
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .join('\n')
}

/** docs/interop.md for a run in which every story passed. Holds no date, path or host, so that it changes only with facts. */
export function formatDocument(played: readonly PlayedRow[]): string {
  const rows = played.map(
    ({ client, version, claim, result, seen }) =>
      `| ${client} | ${version ?? ''} | ${claim} | ${result} | ${seen} |`,
  )
  return `${before}${rows.join('\n')}\n${after}`
}

/** The rows that stand in docs/interop.md. */
export function parseDocument(text: string): readonly PlayedRow[] {
  const table = text.slice(text.indexOf('| --- |'), text.indexOf('\n## '))
  return table
    .split('\n')
    .slice(1)
    .filter((line) => line.startsWith('| '))
    .map((line) => {
      const cells = line.split('|').map((cell) => cell.trim())
      const [, client = '', version = '', claim = '', result, seen = ''] = cells
      return { client, claim, version, result: result === 'passed' ? 'passed' : 'failed', seen }
    })
}

const before = `# Which clients enrol

Written by \`npm run test:interop\` when every story below passed; do not edit it by hand.

Real clients, unchanged from Debian's packages (jscep from Maven Central), enrol over HTTP against a running connector. For each
enrolment the run checks:

- \`openssl verify -x509_strict\` accepts the certificate under the root that \`certconnector ca export root\` prints;
- subject, alternative names and public key in the certificate are those of the client's CSR, byte for byte. The CSR is taken
  from the wire: a tap copies what the client sent, and \`openssl cms\` checks its signature and decrypts it;
- the log tells each request once: 4003, 4004, 4006 and Admin event 4000, with Intune 4008 as well; a refused challenge is 4003, 4005
  and Admin event 4001.

Rows whose client is called *replayed* are no programs: clients that cannot be had here (Windows, Apple, Cisco, …), written on raw
sockets as they were seen to speak, from GetCACaps to a certificate whose key, subject and chain are checked. They are part of
\`npm test\` as well.

| client | version | story | result | on the wire |
| --- | --- | --- | --- | --- |
`

const after = `
## What to know about a client

- **strongSwan pki 5.9.8** reads capability lists with wrong bit masks: it takes AES only from a server that also lists \`SHA-384\`, a word
  that RFC 8894 does not have. Use \`--cipher des3\`, or give its profile \`capabilities\` with that word added. Its HTTP fetcher is the
  curl plug-in of \`libstrongswan-extra-plugins\`; without it every call ends in "no capable fetcher found". Give it \`--cacert-enc\` (RA),
  \`--cacert-sig\` (root) and \`--cacert\` (issuing CA). It posts even where \`POSTPKIOperation\` is not offered.
- **scepclient** (micromdm, Debian's package \`scep\`) always encrypts with DES: its profile needs \`scep.allowDes: true\`, as the profile
  \`legacy\` of the demonstration has. It encrypts to every certificate of GetCACert, so the
  CA and its root need RSA keys: with ECDSA it ends in a panic. It takes a \`csr.pem\` that lies beside its key, and renews when a
  certificate lies there.
- **certmonger** sends by GET. A re-key is signed with the old key and has the messageType of a first request. A refusal shows as
  \`CA_REJECTED\` in \`getcert list\` where the profile has \`scep.ndesEmptyContent: true\`. Without, as RFC 8894 has it, a FAILURE has no content,
  which certmonger takes for a broken reply: it shows \`CA_UNREACHABLE\` ("no content") and tries again later.
- **jscep** is the client inside Intune's Android app. It renews with a PKCSReq that the old certificate signs, never with RenewalReq. It
  verifies the RA against the CA of the same answer, and takes a reply only from a certificate that GetCACert had.
- **sscep** is in no package that this run can install: it is replayed as its messages were described, with a forced GET as well.
- **Renewal** needs the challenge again with every client: an old certificate alone renews nothing,
  unless the profile has \`allowCertificateOnlyRenewal\`.
- **openssl** alone cannot enrol, because \`openssl cms -sign\` cannot add SCEP's signed attributes.

## Run it

\`npm run test:interop\` installs missing packages when it runs as root on Debian (\`strongswan-pki libstrongswan-standard-plugins
libstrongswan-extra-plugins scep certmonger openssl curl\`, for jscep \`default-jdk-headless maven\`). Elsewhere a missing client is
skipped; with \`CI\` set it fails and names the package. The linters need \`gnutls-bin\`, Go (zlint is built from its module) and
Python 3 (pkilint gets a virtual environment); both are kept under \`node_modules/.cache\`. Nothing else is left behind: the
connector, certmonger and their files live in temporary folders and on free loopback ports.
`
