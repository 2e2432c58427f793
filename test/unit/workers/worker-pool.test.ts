import assert from 'node:assert/strict'
import { enableCompileCache, getCompileCacheDir } from 'node:module'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { ConnectorError } from '../../../src/kernel/index.ts'
import { WorkerPool, type WorkerPoolOptions } from '../../../src/workers/worker-pool.ts'
import type { FaultyJobTable } from './faulty-worker.ts'

const entry = new URL('./faulty-worker.ts', import.meta.url)

/** A pool that is closed when the test ends. */
async function poolOf(
  t: { after(close: () => Promise<void>): void },
  options: Partial<WorkerPoolOptions> = {},
): Promise<WorkerPool<FaultyJobTable>> {
  const pool = new WorkerPool<FaultyJobTable>({
    entry,
    size: 1,
    keys: { name: 'first' },
    queuePerWorker: 4,
    jobTimeoutMs: 10_000,
    random: () => 0.5,
    ...options,
  })
  t.after(() => pool.close())
  await pool.ready()
  return pool
}

/** Cell 0 counts jobs that began, cell 1 lets them end. */
function makeGate(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(8))
}

async function begun(gate: Int32Array<SharedArrayBuffer>, jobs: number): Promise<void> {
  for (let seen = Atomics.load(gate, 0); seen < jobs; seen = Atomics.load(gate, 0)) {
    await Atomics.waitAsync(gate, 0, seen).value
  }
}

function release(gate: Int32Array<SharedArrayBuffer>): void {
  Atomics.store(gate, 1, 1)
  Atomics.notify(gate, 1)
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof ConnectorError && error.code === code
}

test('each caller gets the answer to its own job', async (t) => {
  const pool = await poolOf(t, { size: 2, queuePerWorker: 64 })
  const inputs = Array.from({ length: 60 }, (_, index) => ({ index }))
  const results = await Promise.all(inputs.map((input) => pool.run('echo', input)))
  assert.deepEqual(results, inputs)
  assert.deepEqual(pool.statistics().jobs['echo'], { done: 60, failed: 0, overloaded: 0 })
})

test('a thread finds compiled code where this process does, and sees nothing else of the environment', async (t) => {
  // Where `npm test` has it on already; Node writes there when this process ends.
  enableCompileCache(resolve(import.meta.dirname, '../../../node_modules/.cache/node'))
  assert.ok(Object.keys(process.env).length > 1)
  const pool = await poolOf(t)
  const { compiled, names } = await pool.run('surroundings', undefined)
  assert.equal(compiled, getCompileCacheDir())
  assert.ok(compiled)
  assert.deepEqual(names, ['NODE_COMPILE_CACHE'])
})

test('REQ-193: jobs run at the same time in different threads', async (t) => {
  const pool = await poolOf(t, { size: 2 })
  const gate = makeGate()
  const jobs = [pool.run('wait', gate), pool.run('wait', gate)]
  await begun(gate, 2)
  assert.equal(pool.statistics().busy, 2)
  release(gate)
  assert.deepEqual(await Promise.all(jobs), ['first', 'first'])
})

test('a failure of a job keeps code, message, told text and advice on its way out of the thread', async (t) => {
  const pool = await poolOf(t)
  await assert.rejects(pool.run('refuse', undefined), (error) => {
    assert.ok(error instanceof ConnectorError)
    assert.equal(error.code, 'scep/malformed')
    assert.equal(error.message, 'no transactionID')
    assert.equal(error.told, 'Not a SCEP message.')
    assert.equal(error.isTransient, true)
    assert.equal(error.retryAfterMs, 1234)
    return true
  })
  assert.equal(pool.statistics().restarts, 0)
})

test('an unforeseen error comes out as a bug without the text that it quotes', async (t) => {
  const pool = await poolOf(t)
  await assert.rejects(pool.run('blunder', 'the-challenge'), (error) => {
    assert.ok(error instanceof ConnectorError)
    assert.equal(error.code, 'internal/bug')
    assert.match(error.message, /TypeError/)
    assert.match(error.message, /faulty-worker/)
    assert.doesNotMatch(error.message, /the-challenge/)
    return true
  })
})

test('a full queue refuses new work with advice, and takes work that was begun', async (t) => {
  const pool = await poolOf(t, { queuePerWorker: 2 })
  const gate = makeGate()
  const running = [pool.run('wait', gate), pool.run('wait', gate)]
  await begun(gate, 1)
  const waiting = [pool.run('echo', 1), pool.run('echo', 2)]
  await assert.rejects(pool.run('echo', 3), (error) => {
    assert.ok(error instanceof ConnectorError)
    assert.equal(error.code, 'worker/overloaded')
    assert.equal(error.isTransient, true)
    assert.ok((error.retryAfterMs ?? 0) > 0)
    return true
  })
  const urgent = [pool.run('echo', 4, { isBegun: true }), pool.run('echo', 5, { isBegun: true })]
  await assert.rejects(pool.run('echo', 6, { isBegun: true }), hasCode('worker/overloaded'))
  assert.equal(pool.statistics().waiting, 4)
  release(gate)
  assert.deepEqual(await Promise.all([...waiting, ...urgent]), [1, 2, 4, 5])
  await Promise.all(running)
  assert.equal(pool.statistics().jobs['echo']?.overloaded, 2)
})

test('work that was begun goes before new work', async (t) => {
  const pool = await poolOf(t)
  const gate = makeGate()
  const running = [pool.run('wait', gate), pool.run('wait', gate)]
  await begun(gate, 1)
  const order: string[] = []
  const later = [
    pool.run('echo', 'new').then(() => order.push('new')),
    pool.run('echo', 'begun', { isBegun: true }).then(() => order.push('begun')),
  ]
  release(gate)
  await Promise.all([...later, ...running])
  assert.deepEqual(order, ['begun', 'new'])
})

test('a job that hangs is answered, its thread replaced, and the jobs behind it still run', async (t) => {
  const pool = await poolOf(t, { jobTimeoutMs: 1_000, waitTimeoutMs: 30_000 })
  const hanging = assert.rejects(pool.run('hang', undefined), hasCode('worker/timeout'))
  const behind = pool.run('echo', 'behind', { isBegun: true })
  await hanging
  assert.equal(await behind, 'behind')
  assert.equal(pool.statistics().restarts, 1)
  assert.match(pool.statistics().lastLoss ?? '', /worker\/timeout/)
})

test('a thread that dies takes one job with it; the one behind it runs elsewhere', async (t) => {
  const pool = await poolOf(t)
  const dying = assert.rejects(pool.run('die', undefined), hasCode('worker/died'))
  const behind = pool.run('echo', 'behind')
  await dying
  assert.equal(await behind, 'behind')
})

test('a job that lost two threads is answered, not tried for ever', async (t) => {
  const pool = await poolOf(t)
  const first = assert.rejects(pool.run('die', undefined), hasCode('worker/died'))
  const victim = assert.rejects(pool.run('echo', 1), hasCode('worker/died'))
  // Goes before the victim when both are back in the queue, and kills the second thread as well.
  const second = assert.rejects(
    pool.run('die', undefined, { isBegun: true }),
    hasCode('worker/died'),
  )
  await Promise.all([first, second, victim])
  assert.equal(pool.statistics().restarts, 2)
  assert.equal(await pool.run('echo', 2), 2)
})

test('a thread that cannot start is tried again ever more slowly; jobs are refused in time', async (t) => {
  const starts = new Int32Array(new SharedArrayBuffer(4))
  const pool = new WorkerPool<FaultyJobTable>({
    entry,
    size: 1,
    keys: { name: 'broken', starts },
    queuePerWorker: 4,
    jobTimeoutMs: 10_000,
    waitTimeoutMs: 500,
    random: () => 0.5,
  })
  t.after(() => pool.close())
  await assert.rejects(pool.ready(), hasCode('key/unreadable'))
  await assert.rejects(pool.run('echo', 1), hasCode('worker/overloaded'))
  // At once, after 200 ms, after a second: in half a second at most three.
  assert.ok(Atomics.load(starts, 0) <= 3, `${Atomics.load(starts, 0)} starts`)
  assert.equal(pool.statistics().ready, 0)
})

test('new keys reach every thread; a job that runs finishes with the old ones', async (t) => {
  const pool = await poolOf(t, { size: 2 })
  const gate = makeGate()
  const running = pool.run('wait', gate)
  await begun(gate, 1)
  const updated = pool.updateKeys({ name: 'second' })
  release(gate)
  assert.equal(await running, 'first')
  await updated
  const names = await Promise.all(Array.from({ length: 4 }, () => pool.run('keys', undefined)))
  assert.deepEqual(names, ['second', 'second', 'second', 'second'])
})

test('keys that a thread refuses leave all threads with the old ones', async (t) => {
  const pool = await poolOf(t, { size: 2 })
  await assert.rejects(pool.updateKeys({ name: 'broken' }), hasCode('key/unreadable'))
  assert.equal(await pool.run('keys', undefined), 'first')
  assert.equal(pool.statistics().ready, 2)
})

test('a thread that replaces a lost one starts with the newest keys', async (t) => {
  const pool = await poolOf(t)
  await pool.updateKeys({ name: 'second' })
  await assert.rejects(pool.run('die', undefined), hasCode('worker/died'))
  assert.equal(await pool.run('keys', undefined), 'second')
})

test('new keys that come while a thread starts reach it too', async (t) => {
  const pool = new WorkerPool<FaultyJobTable>({
    entry,
    size: 1,
    keys: { name: 'first' },
    queuePerWorker: 4,
    jobTimeoutMs: 10_000,
  })
  t.after(() => pool.close())
  await pool.updateKeys({ name: 'second' })
  assert.equal(await pool.run('keys', undefined), 'second')
})

test('closing finishes what was accepted and takes nothing new', async (t) => {
  const pool = await poolOf(t)
  const gate = makeGate()
  const accepted = [pool.run('wait', gate), pool.run('echo', 1), pool.run('echo', 2)]
  await begun(gate, 1)
  const closed = pool.close()
  await assert.rejects(pool.run('echo', 3), hasCode('worker/died'))
  release(gate)
  assert.deepEqual(await Promise.all(accepted), ['first', 1, 2])
  await closed
})

test('an input that cannot be cloned is a bug of the caller and leaves the thread alone', async (t) => {
  const pool = await poolOf(t)
  await assert.rejects(
    pool.run('echo', () => 1),
    hasCode('internal/bug'),
  )
  assert.equal(await pool.run('echo', 'fine'), 'fine')
  assert.equal(pool.statistics().restarts, 0)
})
