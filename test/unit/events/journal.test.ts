import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  createJournal,
  type EventFields,
  type EventSink,
  encodeRecord,
  events,
  parseRecord,
  type SinkRecovery,
} from '../../../src/events/index.ts'
import { identity, makeClock, makeMemorySink } from './support.ts'

function makeJournal() {
  const sink = makeMemorySink()
  const clock = makeClock()
  return { sink, clock, journal: createJournal({ identity, sinks: [sink], clock }) }
}

test('a record carries the entry of the catalogue, the identity, the time and the fields', () => {
  const { sink, journal } = makeJournal()
  journal.record(events.ScepIssuedSuccess, { transactionId: 't', keySize: 2048 })
  assert.deepEqual(sink.records, [
    {
      timestamp: new Date('2026-11-22T21:45:01.123Z'),
      eventId: 4006,
      eventName: 'ScepIssuedSuccess',
      channel: 'operational',
      taskCategory: 'SCEP',
      level: 'information',
      message: 'The CA issued a certificate for a SCEP request.',
      ...identity,
      instanceSeq: 1,
      transactionId: 't',
      keySize: 2048,
    },
  ])
})

test('children add their fields, the nearest one wins, and all share one sequence', () => {
  const { sink, journal } = makeJournal()
  const child = journal.child({ transactionId: 'a', profile: 'default' })
  child.record(events.ScepRequestReceived)
  child.child({ transactionId: 'b' }).record(events.ScepVerifySuccess, { attempt: 2 })
  journal.record(events.ServiceStopped)
  assert.deepEqual(
    sink.records.map((r) => [r.instanceSeq, r.transactionId, r.profile, r.attempt]),
    [
      [1, 'a', 'default', undefined],
      [2, 'b', 'default', 2],
      [3, undefined, undefined, undefined],
    ],
  )
})

test('debug text is written only while its channel is on, also for children that exist already', () => {
  const { sink, journal } = makeJournal()
  const child = journal.child({ transactionId: 'a' })
  child.debug('operational', 'not written')
  journal.setDebug('operational', true)
  child.debug('operational', 'written')
  child.debug('admin', 'not written either')
  journal.setDebug('operational', false)
  child.debug('operational', 'no longer written')
  assert.deepEqual(
    sink.records.map((r) => [r.channel, r.level, r.message, r.transactionId]),
    [['operational', 'debug', 'written', 'a']],
  )
  assert.equal(journal.isDebug('operational'), false)
})

test('a field outside the schema is refused by name, never written', () => {
  const { sink, journal } = makeJournal()
  const fields = { profile: 'p', challengePassword: 'hunter2', 'x\ny': 'z' } as EventFields
  journal.record(events.ScepRequestReceived, fields)
  const line = encodeRecord(sink.records[0] ?? assert.fail())
  assert.equal(sink.records[0]?.refusedFields, 'challengePassword,?')
  assert.ok(!line.includes('hunter2'))
})

test('a value of another type than the schema says is refused', () => {
  const { sink, journal } = makeJournal()
  const wrong = {
    subject: { secret: 'x' },
    attempt: Number.NaN,
    notAfter: new Date(Number.NaN),
    succeeded: 'yes',
  } as unknown as EventFields
  journal.record(events.ScepRequestReceived, wrong)
  assert.equal(sink.records[0]?.refusedFields, 'subject,attempt,notAfter,succeeded')
})

for (const [title, text] of [
  ['a private key', '-----BEGIN PRIVATE KEY-----\nMARKED\n-----END PRIVATE KEY-----'],
  ['half a private key', 'x -----BEGIN RSA PRIVATE KEY-----\nMARKED'],
  ['a bearer token', 'Authorization: Bearer MARKED-TOKEN'],
  ['a JSON web token', 'sent eyJMARKEDMARKED.eyJMARKED.MARKED'],
  ['a client secret in a form', 'client_secret=MARKED&scope=x'],
  ['a password in JSON', '{"password":"MARKED"}'],
  ['a challenge by name', 'challengePassword: MARKED'],
  ['credentials in a URL', 'proxy http://user:MARKED@proxy:8080/ refused'],
  ['a long run of base64', `challenge text ${'MARKED'.repeat(40)}==`],
] as const) {
  test(`${title} is redacted from any text`, () => {
    const { sink, journal } = makeJournal()
    journal.record(events.UnhandledError, { errorMessage: text })
    const line = encodeRecord(sink.records[0] ?? assert.fail())
    assert.ok(!line.includes('MARKED'), line)
    assert.match(line, /\[redacted\]/)
  })
}

test('what operators need is not redacted', () => {
  const { sink, journal } = makeJournal()
  const fields = {
    subject: 'CN=device-1,OU=Sales,O=Contoso',
    thumbprintSha256: 'AB'.repeat(32),
    detail: 'challenge refused: ChallengeExpired',
    errorMessage: 'https://fef.example.test/StatelessScepRequestValidationService/x answered 500',
  }
  journal.record(events.ScepVerifyFailure, fields)
  const { subject, thumbprintSha256, detail, errorMessage } = sink.records[0] ?? assert.fail()
  assert.deepEqual({ subject, thumbprintSha256, detail, errorMessage }, fields)
})

test('text that holds line feeds, escapes or separators stays one line', () => {
  const { sink, journal } = makeJournal()
  journal.record(events.ScepRequestReceived, {
    subject: 'CN=a\n{"eventId":4000}\r\u001b[2J\u2028\u202eb',
  })
  assert.equal(sink.records[0]?.subject, 'CN=a {"eventId":4000}  [2J  b')
})

test('text is cut at 2048 octets, at a whole character', () => {
  const { sink, journal } = makeJournal()
  journal.record(events.ScepRequestReceived, {
    subject: 'é '.repeat(5000),
    detail: 'ab '.repeat(600),
  })
  const { subject, detail } = sink.records[0] ?? assert.fail()
  assert.ok(Buffer.byteLength(subject ?? '') <= 2048)
  assert.match(subject ?? '', /^(é )+é?…$/)
  assert.equal(detail, 'ab '.repeat(600))
})

test('a record survives being written and read', () => {
  const { sink, journal } = makeJournal()
  const notAfter = new Date('2027-01-01T00:00:00.000Z')
  journal.record(events.ScepIssuedSuccess, {
    notAfter,
    subject: 'CN="quoted"\\',
    sidExtension: true,
  })
  const record = sink.records[0] ?? assert.fail()
  assert.deepEqual(parseRecord(encodeRecord(record)), record)
})

for (const line of ['', '{', '[]', 'null', '{"eventId":1}', '{"eventId":"1","timestamp":"x"}']) {
  test(`"${line}" is no record`, () => assert.equal(parseRecord(line), undefined))
}

test('a sink that lost lines is put on record when it works again', () => {
  const listeners: ((recovery: SinkRecovery) => void)[] = []
  const memory = makeMemorySink()
  const sink: EventSink = { ...memory, onRecovery: (listener) => listeners.push(listener) }
  createJournal({ identity, sinks: [sink], clock: makeClock() })
  for (const tell of listeners) tell({ sink: 'admin log', droppedLines: 7 })
  const [record] = memory.records
  assert.deepEqual(
    [record?.eventName, record?.count, record?.detail],
    ['LogLinesDropped', 7, 'admin log'],
  )
})

test('a closed journal ignores what comes later', async () => {
  const { sink, journal } = makeJournal()
  await journal.close()
  journal.record(events.ServiceStarted)
  assert.equal(sink.records.length, 0)
})

test('any text becomes one line of at most 2048 octets a field that can be read back', () => {
  const { sink, journal } = makeJournal()
  const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 3000 }), fc.string())
  fc.assert(
    fc.property(anyText, (text) => {
      journal.record(events.ScepRequestReceived, { subject: text })
      const record = sink.records.at(-1) ?? assert.fail()
      const line = encodeRecord(record)
      assert.ok(!/[\n\r\u2028\u2029]/.test(line))
      assert.ok(Buffer.byteLength(record.subject ?? '') <= 2048)
      assert.deepEqual(parseRecord(line), record)
    }),
    { numRuns: 300 },
  )
})
