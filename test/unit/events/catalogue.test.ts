import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { catalogue, describeEvents, events, findEvent } from '../../../src/events/index.ts'

// ID, name, channel and task category as Microsoft publishes them. Written out, not computed: an ID never changes its meaning.
const published = `
1000 PkcsRequestSuccess admin PKCS
1001 PkcsRequestFailure admin PKCS
1002 PkcsDownloadSuccess operational PKCS
1003 PkcsDownloadFailure operational PKCS
1020 PkcsDownloadedRequest operational PKCS
1032 PkcsDigiCertRequest operational PKCS
1050 PkcsIssuedSuccess operational PKCS
1051 PkcsIssuedFailedAttempt operational PKCS
1052 PkcsIssuedFailure operational PKCS
1100 PkcsUploadSuccess operational PKCS
1101 PkcsUploadFailure operational PKCS
1102 PkcsUploadedRequest operational PKCS
1200 PkcsRecryptRequestSuccess admin PKCS
1201 PkcsRecryptRequestFailure admin PKCS
1202 PkcsRecryptDownloadSuccess operational PKCS
1203 PkcsRecryptDownloadFailure operational PKCS
1220 PkcsRecryptDownloadedRequest operational PKCS
1250 PkcsRecryptReencryptSuccess operational PKCS
1251 PkcsRecryptDecryptSuccess operational PKCS
1252 PkcsRecryptDecryptFailure operational PKCS
1253 PkcsRecryptReencryptFailure operational PKCS
1300 PkcsRecryptUploadSuccess operational PKCS
1301 PkcsRecryptUploadFailure operational PKCS
1302 PkcsRecryptUploadedRequest operational PKCS
2000 PkcsImportRequestSuccess admin PKCS Import
2001 PkcsImportRequestFailure admin PKCS Import
2020 PkcsImportDownloadedRequest operational PKCS Import
2050 PkcsImportReencryptSuccess operational PKCS Import
2051 PkcsImportReencryptFailedAttempt operational PKCS Import
2052 PkcsImportReencryptFailure operational PKCS Import
2100 PkcsImportUploadSuccess operational PKCS Import
2101 PkcsImportUploadFailure operational PKCS Import
2102 PkcsImportUploadedRequest operational PKCS Import
2202 PkcsImportDownloadSuccess operational PKCS Import
2203 PkcsImportDownloadFailure operational PKCS Import
3000 RevokeRequestSuccess admin Revocation
3001 RevokeRequestFailure admin Revocation
3002 RevokeDownloadSuccess operational Revocation
3003 RevokeDownloadFailure operational Revocation
3020 RevokeDownloadedRequest operational Revocation
3032 RevokeDigicertRequest operational Revocation
3050 RevokeSuccess operational Revocation
3051 RevokeFailure operational Revocation
3052 RevokeFailedAttempt operational Revocation
3100 RevokeUploadSuccess operational Revocation
3101 RevokeUploadFailure operational Revocation
3102 RevokeUploadedRequest operational Revocation
4000 ScrepRequestSuccess admin SCEP
4001 ScepRequestIssuedFailure admin SCEP
4002 ScepRequestUploadFailure admin SCEP
4003 ScepRequestReceived operational SCEP
4004 ScepVerifySuccess operational SCEP
4005 ScepVerifyFailure operational SCEP
4006 ScepIssuedSuccess operational SCEP
4007 ScepIssuedFailure operational SCEP
4008 ScepNotifySuccess operational SCEP
4009 ScepNotifyAttemptFailed operational SCEP
4010 ScepNotifySaveToDiskFailed operational SCEP
5000 HealthMessageUploadSuccess operational Connector health
5001 HealthMessageUploadFailedAttempt operational Connector health
5002 HealthMessageUploadFailure operational Connector health
`.trim()

const ours = `1 ServiceStarted information
2 ServiceStopped information
3 ConfigurationLoaded information
5 ConfigurationWarning warning
6 DataKeyLost error
12 ScepMessageUnreadable warning
13 RequestShed warning
14 RateLimitExceeded warning
15 ScepQueryAnswered information
16 ScepRequestWaiting information
17 ChallengeAsked information
18 CaptureStarted warning
19 CaptureEnded information
20 CaCreated information
21 CaUnavailable error
22 CaRecovered information
23 RaRenewed information
24 RaRenewalFailed error
25 CertificateExpiring warning
26 CrlPublished information
27 CrlPublicationFailed error
28 NextCaPublished information
29 CaHandedOver information
30 ManagementUnavailable error
31 ManagementRecovered information
32 NotificationGivenUp error
33 NextCaCancelled warning
50 WorkerReplaced warning
51 UpdateAvailable information
52 VersionUnsupported error
53 ImportKeyBroken error
54 ImportKeyRepaired information
60 IntentAbandoned warning
61 OrphanCertificateRevoked warning
62 CertificateRevoked information
63 IntentCompleted information
64 WorkLeaseLost warning
65 WorkResultRefused warning
66 CaRequestWaiting information
67 AgentCertificatesIssued information
68 AgentCertificatesFailed error
69 VersionSupportChanged warning
70 SpoolReplayed information
71 SpoolSaved warning
72 SpoolUnreadable error
73 StoreUnavailable error
74 StoreRecovered information
80 LogLinesDropped warning
90 DebugMessage information
99 UnhandledError error`.trim()

test('the 61 published events keep ID, name, channel and task category', () => {
  const listed = catalogue
    .filter((event) => event.id >= 1000)
    .map((event) => `${event.id} ${event.name} ${event.channel} ${event.taskCategory}`)
  assert.equal(listed.length, 61)
  assert.equal(listed.join('\n'), published)
})

test('our own events keep ID, name and level', () => {
  const listed = catalogue
    .filter((event) => event.id < 1000)
    .map((event) => `${event.id} ${event.name} ${event.level}`)
  assert.equal(listed.join('\n'), ours)
})

test('no ID and no name occurs twice', () => {
  assert.equal(new Set(catalogue.map((event) => event.id)).size, catalogue.length)
  assert.equal(new Set(catalogue.map((event) => event.name)).size, catalogue.length)
})

test('every event stands under its published name, and 4000 also under the correct spelling', () => {
  for (const [key, event] of Object.entries(events)) {
    assert.equal(key === 'ScepRequestSuccess' ? 'ScrepRequestSuccess' : key, event.name)
  }
  assert.equal(events.ScepRequestSuccess, events.ScrepRequestSuccess)
  assert.equal(events.ScrepRequestSuccess.id, 4000)
})

test('an ID finds its event, and an unknown one finds nothing', () => {
  assert.equal(findEvent(4009)?.name, 'ScepNotifyAttemptFailed')
  assert.equal(findEvent(4999), undefined)
})

test('only outcomes of requests are in the admin channel', () => {
  const admin = catalogue.filter((event) => event.channel === 'admin').map((event) => event.id)
  assert.deepEqual(admin, [1000, 1001, 1200, 1201, 2000, 2001, 3000, 3001, 4000, 4001, 4002])
})

test('final failures are errors and repeated ones are warnings, whatever the digit says', () => {
  for (const event of catalogue) {
    if (/FailedAttempt$|AttemptFailed$/.test(event.name)) assert.equal(event.level, 'warning')
    else if (event.name.endsWith('Failure')) assert.equal(event.level, 'error')
    else if (event.name.endsWith('Success')) assert.equal(event.level, 'information')
  }
})

test('docs/events.md is what the code says', () => {
  const file = new URL('../../../docs/events.md', import.meta.url)
  assert.equal(readFileSync(file, 'utf8'), describeEvents())
})
