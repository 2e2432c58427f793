import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type EventFields, events, type Journal } from '../../src/events/index.ts'
import { listAdminProblems } from './admin-once.ts'
import { recordedJournal } from './recorded-journal.ts'

/** Records what a story tells of one item, or one request, and says what is wrong with it. */
function judge(tell: (log: Journal) => void, fields: EventFields): readonly string[] {
  const { journal, records } = recordedJournal()
  tell(journal.child(fields))
  return listAdminProblems(records)
}

const judgeItem = (tell: (log: Journal) => void): readonly string[] =>
  judge(tell, { transactionId: 't', requestContextHash: 'c' })

const judgeRequest = (tell: (log: Journal) => void): readonly string[] =>
  judge(tell, { transactionId: 't', requestId: 'r', notificationId: 'n' })

const again = { succeeded: false, errorCode: 'ServiceUnavailableException' }

describe('the check that each item has one Admin event', () => {
  for (const [title, tell] of [
    [
      'an item that went well',
      (log) => {
        log.record(events.PkcsDownloadedRequest)
        log.record(events.PkcsUploadedRequest, { succeeded: true })
        log.record(events.PkcsRequestSuccess)
      },
    ],
    [
      'an item that failed for good',
      (log) => {
        log.record(events.PkcsImportDownloadedRequest)
        log.record(events.PkcsImportUploadedRequest, {
          succeeded: false,
          errorCode: 'CryptographyError',
        })
        log.record(events.PkcsImportRequestFailure)
      },
    ],
    ['an item under way', (log) => log.record(events.RevokeDownloadedRequest)],
    [
      'a failure that comes again and then goes well',
      (log) => {
        log.record(events.RevokeDownloadedRequest)
        log.record(events.RevokeUploadedRequest, again)
        log.record(events.RevokeDownloadedRequest, { redelivered: true })
        log.record(events.RevokeUploadedRequest, { succeeded: true })
        log.record(events.RevokeRequestSuccess)
      },
    ],
    [
      'a failure that was to come again',
      (log) => {
        log.record(events.RevokeDownloadedRequest)
        log.record(events.RevokeUploadedRequest, again)
      },
    ],
    [
      'a result that could not be uploaded at all',
      (log) => {
        log.record(events.PkcsRecryptDownloadedRequest)
        log.record(events.PkcsRecryptRequestFailure)
      },
    ],
  ] as const satisfies readonly (readonly [string, (log: Journal) => void])[])
    test(`finds nothing wrong with ${title}`, () => {
      assert.deepEqual(judgeItem(tell), [])
    })

  for (const [title, tell, expected] of [
    [
      'a second Admin event',
      (log) => {
        log.record(events.PkcsDownloadedRequest)
        log.record(events.PkcsRequestSuccess)
        log.record(events.PkcsRequestSuccess)
      },
      'item c: Admin events 1000, 1000',
    ],
    [
      'a success beside a failure',
      (log) => {
        log.record(events.RevokeDownloadedRequest)
        log.record(events.RevokeRequestSuccess)
        log.record(events.RevokeRequestFailure)
      },
      'item c: Admin events 3000, 3001',
    ],
    [
      'a result of which no Admin event tells',
      (log) => {
        log.record(events.PkcsImportDownloadedRequest)
        log.record(events.PkcsImportUploadedRequest, { succeeded: true })
      },
      'item c: no Admin event after 2102',
    ],
    [
      'an Admin event that says otherwise than the result',
      (log) => {
        log.record(events.PkcsRecryptDownloadedRequest)
        log.record(events.PkcsRecryptUploadedRequest, { succeeded: true })
        log.record(events.PkcsRecryptRequestFailure)
      },
      'item c: 1201, and its result says otherwise',
    ],
    [
      'an Admin event of another kind of work',
      (log) => {
        log.record(events.PkcsDownloadedRequest)
        log.record(events.PkcsUploadedRequest, { succeeded: true })
        log.record(events.RevokeRequestSuccess)
      },
      'item c: no Admin event after 1102; item c: 3000 without 3020',
    ],
  ] as const satisfies readonly (readonly [string, (log: Journal) => void, string])[])
    test(`finds ${title}`, () => {
      assert.equal(judgeItem(tell).join('; '), expected)
    })

  test('finds an item that has an Admin event of each of two connectors', () => {
    const { journal, records } = recordedJournal()
    for (const transactionId of ['of one', 'of the other']) {
      const log = journal.child({ transactionId, requestContextHash: 'c' })
      log.record(events.RevokeDownloadedRequest)
      log.record(events.RevokeRequestSuccess)
    }
    assert.deepEqual(listAdminProblems(records), ['item c: Admin events 3000, 3000'])
  })

  test('finds an Admin event that names no item', () => {
    assert.deepEqual(
      judge((log) => log.record(events.RevokeRequestSuccess), { transactionId: 't' }),
      ['item t: 3000 names no item'],
    )
  })
})

describe('the check that each request of a device has one Admin event', () => {
  test('finds nothing wrong with one that was issued and told, or waits for that', () => {
    assert.deepEqual(
      judgeRequest((log) => {
        log.record(events.ScepRequestReceived)
        log.record(events.ScepNotifySuccess)
        log.record(events.ScrepRequestSuccess)
      }),
      [],
    )
    assert.deepEqual(
      judgeRequest((log) => log.record(events.ScepRequestReceived)),
      [],
    )
  })

  test('finds a second one, one that is missing, and one of which nobody heard', () => {
    assert.deepEqual(
      judgeRequest((log) => {
        log.record(events.ScepRequestReceived)
        log.record(events.ScrepRequestSuccess)
        log.record(events.ScepRequestUploadFailure)
      }),
      ['request t, r: Admin events 4000, 4002'],
    )
    assert.deepEqual(
      judgeRequest((log) => {
        log.record(events.ScepRequestReceived)
        log.record(events.ScepNotifySuccess)
      }),
      ['request t, r: no Admin event after 4008'],
    )
    assert.deepEqual(
      judgeRequest((log) => log.record(events.ScepRequestIssuedFailure)),
      ['request t, r: 4001 without 4003'],
    )
  })
})
