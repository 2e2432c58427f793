import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import type { WorkQueue } from '../../src/management/index.ts'

/** An adapter before a real service, and what a test makes the service do. */
export interface WorkQueueUnderTest {
  readonly queue: WorkQueue<'revocation'>
  /** Queues a request; gives its context. */
  order(serialNumber: string): Promise<string>
  /** Results that the service recorded for a context, oldest first: None or the name of the code. */
  resultsOf(requestContext: string): Promise<readonly string[]>
  /** Makes the next calls of a hop fail. */
  fail(hop: 'download' | 'upload', fault: '500' | '503' | 'reset' | 'truncated'): Promise<void>
  /** Moves the service's clock beyond its lease or cool-down. */
  wait(): Promise<void>
}

const call = () => ({ activityId: randomUUID(), signal: AbortSignal.timeout(10_000) })
const terms = { maxItems: 100, waitSeconds: 0, leaseSeconds: 900 }

/** What src/management/work-queue.ts promises of a queue of revocations. Every adapter passes it unchanged. */
export function describeWorkQueue(name: string, open: () => WorkQueueUnderTest): void {
  const download = async () => await open().queue.download({ ...terms, ...call() })

  /** Downloads until the item is there, and forgets others that tests before left. */
  async function take(requestContext: string) {
    const item = (await download()).items.find((one) => one.requestContext === requestContext)
    assert.ok(item !== undefined, 'the item was handed out')
    return item
  }

  const success = {
    succeeded: true,
    value: { revokedAt: new Date(), alreadyRevoked: false },
  } as const
  const failure = (errorCode: 'CertificateNotFoundError' | 'ServiceUnavailableException') =>
    ({ succeeded: false, errorCode, errorMessage: 'a reason' }) as const

  describe(name, () => {
    test('has a name of service and kind, and limits', () => {
      const { queue } = open()
      assert.match(queue.name, /^[a-z-]+\/revocation$/)
      assert.equal(queue.kind, 'revocation')
      assert.ok(queue.limits.maxItems >= 1)
      assert.ok(queue.limits.maxWaitSeconds >= 0)
      assert.equal(queue.renewLeases === undefined, queue.releaseLeases === undefined)
    })

    test('an empty queue is an empty batch', async () => {
      await download()
      const batch = await download()
      assert.deepEqual(batch.items, [])
      assert.equal(batch.moreAvailable, false)
    })

    test('what is queued is handed out with its context, once until its time is over', async () => {
      const context = await open().order('4A01')
      const item = await take(context)
      assert.equal(item.request.serialNumber, '4A01')
      assert.equal(item.lease === undefined, open().queue.renewLeases === undefined)
      assert.ok((await download()).items.every((one) => one.requestContext !== context))
      await open().wait()
      await take(context)
    })

    test('no more are handed out than asked for', async () => {
      const first = await open().order('4A02')
      const second = await open().order('4A03')
      const one = await open().queue.download({ ...terms, ...call(), maxItems: 1 })
      assert.equal(one.items.length, 1)
      const rest = [...one.items, ...(await download()).items].map((item) => item.requestContext)
      assert.ok(rest.includes(first) && rest.includes(second))
    })

    for (const [title, end, recorded] of [
      ['a success', success, 'None'],
      ['a final failure', failure('CertificateNotFoundError'), 'CertificateNotFoundError'],
    ] as const)
      test(`${title} is recorded, and the item does not come again`, async () => {
        const context = await open().order('4A04')
        const { lease } = await take(context)
        const result = { requestContext: context, lease, end, durationMs: 5 }
        const [outcome] = await open().queue.upload([result], call())
        assert.deepEqual(
          { requestContext: outcome?.requestContext, outcome: outcome?.outcome },
          { requestContext: context, outcome: 'recorded' },
        )
        assert.deepEqual(await open().resultsOf(context), [recorded])
        await open().wait()
        assert.ok((await download()).items.every((one) => one.requestContext !== context))
      })

    test('a failure that may pass makes the item come again', async () => {
      const context = await open().order('4A05')
      const { lease } = await take(context)
      const end = failure('ServiceUnavailableException')
      await open().queue.upload([{ requestContext: context, lease, end, durationMs: 5 }], call())
      await open().wait()
      await take(context)
    })

    test('many results go up in one call; each has its outcome, in their order', async () => {
      const contexts = [await open().order('4A06'), await open().order('4A07')]
      const { items } = await download()
      const results = contexts.map((requestContext) => ({
        requestContext,
        lease: items.find((one) => one.requestContext === requestContext)?.lease,
        end: success,
        durationMs: 5,
      }))
      const outcomes = await open().queue.upload(results, call())
      assert.deepEqual(
        outcomes.map(({ requestContext }) => requestContext),
        contexts,
      )
    })

    test('the same result twice changes nothing', async () => {
      const context = await open().order('4A08')
      const { lease } = await take(context)
      const result = { requestContext: context, lease, end: success, durationMs: 5 }
      await open().queue.upload([result], call())
      const [again] = await open().queue.upload([result], call())
      assert.ok(again?.outcome === 'recorded' || again?.outcome === 'duplicate')
      await open().wait()
      assert.ok((await download()).items.every((one) => one.requestContext !== context))
    })

    for (const hop of ['download', 'upload'] as const)
      for (const fault of ['500', '503', 'truncated'] as const)
        test(`${fault} at the ${hop} is a failure that may pass, and nothing is lost`, async () => {
          const context = await open().order('4A09')
          const item = hop === 'upload' ? await take(context) : undefined
          await open().fail(hop, fault)
          const result = {
            requestContext: context,
            end: success,
            durationMs: 5,
            lease: item?.lease,
          }
          await assert.rejects(
            hop === 'upload' ? open().queue.upload([result], call()) : download(),
            (error: unknown) =>
              error instanceof Error && 'isTransient' in error && error.isTransient === true,
          )
          if (hop === 'upload') {
            await open().queue.upload([result], call())
            assert.ok((await open().resultsOf(context)).includes('None'))
          } else {
            await open().wait()
            await take(context)
          }
        })

    test('an aborted call fails', async () => {
      const signal = AbortSignal.abort()
      await assert.rejects(open().queue.download({ ...terms, activityId: randomUUID(), signal }))
    })
  })
}
