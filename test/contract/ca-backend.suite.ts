import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import {
  type CaBackend,
  type EnrolOrder,
  type EnrolResult,
  type RevokeOrder,
  verifyIssued,
} from '../../src/ca/index.ts'
import { ConnectorError } from '../../src/kernel/index.ts'
import { parseCertificate } from '../../src/pki/index.ts'

/** A CA with everything around it that a test needs. Made anew for each test. */
export interface CaBackendHarness {
  readonly backend: CaBackend
  /** The same CA as another instance of the connector sees it. */
  readonly another: CaBackend
  /** Now, as the CA sees it. */
  readonly now: Date
  /** An order that policy would make, with a serial and a request key of its own. */
  readonly createOrder: () => EnrolOrder
  /** What the host does with an issued certificate: it is written down. */
  readonly keep: (order: EnrolOrder, certificateDer: Uint8Array) => Promise<void>
  /** From now on calls reach the CA but are not answered; returns what lets them go on. */
  readonly holdAnswers: () => () => void
  /** From now on the CA cannot be reached; returns what brings it back. */
  readonly cutOff: () => () => void
  readonly close: () => Promise<void>
}

const never = new AbortController().signal

/** What every CA backend must do, whatever stands behind it. */
export function testCaBackend(name: string, createHarness: () => Promise<CaBackendHarness>): void {
  const story = (title: string, run: (harness: CaBackendHarness) => Promise<void>) =>
    test(title, async () => {
      const harness = await createHarness()
      try {
        await run(harness)
      } finally {
        await harness.close()
      }
    })

  describe(`CA backend: ${name}`, () => {
    story('an order is issued as it was given', async ({ backend, createOrder, now }) => {
      const order = createOrder()
      const certificateDer = getIssued(await backend.enrol(order, never))
      verifyIssued(certificateDer, order.certificate, await backend.chain(), now)
    })

    story('the same order again gives the same certificate', async ({ backend, createOrder }) => {
      const order = createOrder()
      const first = getIssued(await backend.enrol(order, never))
      const second = getIssued(await backend.enrol(order, never))
      assert.deepEqual(second, first)
    })

    story('two callers with the same order get one certificate', async (harness) => {
      const { backend, createOrder } = harness
      const order = createOrder()
      const results = await Promise.all([1, 2, 3].map(() => backend.enrol(order, never)))
      const [first, ...others] = results.map(getIssued)
      for (const other of others) assert.deepEqual(other, first)
    })

    story('another instance that tries again gets the certificate on record', async (harness) => {
      const { another, backend, createOrder, keep } = harness
      const order = createOrder()
      const certificateDer = getIssued(await backend.enrol(order, never))
      await keep(order, certificateDer)
      const again = getIssued(await another.enrol({ ...order, attempt: 2 }, never))
      assert.deepEqual(again, certificateDer)
    })

    story('a serial never serves two requests', async ({ backend, createOrder, keep }) => {
      const [order, other] = [createOrder(), createOrder()]
      await keep(order, getIssued(await backend.enrol(order, never)))
      const certificate = { ...other.certificate, serialHex: order.certificate.serialHex }
      if (backend.capabilities.idempotent !== 'serial') return
      for (const attempt of [1, 2]) {
        const result = await backend.enrol({ ...other, certificate, attempt }, never)
        assert.equal(result.status, 'denied')
      }
    })

    story('many orders side by side are issued, each for its own key', async (harness) => {
      const { backend, createOrder } = harness
      const orders = Array.from({ length: 20 }, createOrder)
      const results = await Promise.all(orders.map((order) => backend.enrol(order, never)))
      for (const [index, result] of results.entries()) {
        assert.deepEqual(
          parseCertificate(getIssued(result)).spkiDer,
          orders[index]?.certificate.spkiDer,
        )
      }
    })

    story('a request is found where it is known, and not where it is not', async (harness) => {
      const { another, backend, createOrder, keep } = harness
      const [order, unknown] = [createOrder(), createOrder()]
      const certificateDer = getIssued(await backend.enrol(order, never))
      await keep(order, certificateDer)
      const found = await another.find(order, never)
      assert.deepEqual(found === undefined ? undefined : getIssued(found), certificateDer)
      assert.equal(await backend.find(unknown, never), undefined)
    })

    story(
      'it says of a certificate whether it is good or revoked, and nothing of a stranger',
      async (harness) => {
        const { backend, createOrder, keep, now } = harness
        const order = createOrder()
        const { serialHex } = order.certificate
        assert.equal(await backend.findStatus(serialHex, never), 'unknown')
        await keep(order, getIssued(await backend.enrol(order, never)))
        assert.equal(await backend.findStatus(serialHex, never), 'good')
        await backend.revoke(revocationOf(order, { at: now, reason: 6 }), never)
        assert.equal(await backend.findStatus(serialHex, never), 'revoked')
      },
    )

    story('a certificate is revoked, and again is success', async (harness) => {
      const { another, backend, createOrder, keep, now } = harness
      const order = createOrder()
      await keep(order, getIssued(await backend.enrol(order, never)))
      const revocation = revocationOf(order, { at: now })
      assert.deepEqual(await backend.revoke(revocation, never), { status: 'revoked', at: now })
      const later = { ...revocation, at: new Date(now.getTime() + 60_000) }
      for (const instance of [backend, another]) {
        const again = await instance.revoke(later, never)
        assert.deepEqual(again, { status: 'alreadyRevoked', at: now })
      }
    })

    story('a certificate that was never issued is not found', async (harness) => {
      const { backend, createOrder, now } = harness
      const result = await backend.revoke(revocationOf(createOrder(), { at: now }), never)
      assert.equal(result.status, 'notFound')
    })

    story('every reason it claims is taken, every other one is told', async (harness) => {
      const { backend, createOrder, keep, now } = harness
      const taken: number[] = []
      for (const reason of [0, 1, 2, 3, 4, 5, 6, 8, 9, 10] as const) {
        const order = createOrder()
        await keep(order, getIssued(await backend.enrol(order, never)))
        const { status } = await backend.revoke(revocationOf(order, { at: now, reason }), never)
        assert.match(status, /^(revoked|notSupported)$/)
        if (status === 'revoked') taken.push(reason)
      }
      assert.deepEqual(taken, [...backend.capabilities.reasons])
    })

    story('it is up when it works', async ({ backend, now }) => {
      const health = await backend.health(never)
      assert.deepEqual([health.status, health.checkedAt, health.expiring], ['up', now, []])
    })

    story('out of reach it says so, and works when it is back', async (harness) => {
      const { backend, createOrder, cutOff } = harness
      const restore = cutOff()
      const order = createOrder()
      await assert.rejects(backend.enrol(order, never), isTransient('ca/unavailable'))
      assert.notEqual((await backend.health(never)).status, 'up')
      restore()
      getIssued(await backend.enrol({ ...order, attempt: 2 }, never))
      assert.equal((await backend.health(never)).status, 'up')
    })

    story('a call that was given up before it began is not begun', async (harness) => {
      const { backend, createOrder } = harness
      const signal = AbortSignal.abort()
      await assert.rejects(backend.enrol(createOrder(), signal), isTransient('ca/unavailable'))
      await assert.rejects(backend.health(signal), isTransient('ca/unavailable'))
    })

    story('a call ends when its caller gives up, and can be made again', async (harness) => {
      const { backend, createOrder, holdAnswers } = harness
      const order = createOrder()
      const goOn = holdAnswers()
      const caller = new AbortController()
      const call = backend.enrol(order, caller.signal)
      caller.abort()
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof ConnectorError)
        assert.match(error.code, /^ca\/(unavailable|unknown-outcome)$/)
        return true
      })
      goOn()
      getIssued(await backend.enrol({ ...order, attempt: 2 }, never))
    })

    story('it finishes what runs when it is closed, and takes nothing new', async (harness) => {
      const { backend, createOrder, holdAnswers } = harness
      const goOn = holdAnswers()
      const call = backend.enrol(createOrder(), never)
      const closed = backend.close()
      await assert.rejects(backend.enrol(createOrder(), never), isTransient('ca/unavailable'))
      goOn()
      getIssued(await call)
      await closed
    })

    story('closing twice is no harm', async ({ backend }) => {
      await backend.close()
      await backend.close()
    })

    story('polling is refused where nothing is ever pending', async (harness) => {
      const { backend, createOrder } = harness
      if (backend.capabilities.pending) return
      await assert.rejects(backend.poll('1', createOrder(), never), { code: 'ca/refused' })
    })
  })
}

/** A request key as the connector makes one. */
export function createRequestKey(): string {
  return randomBytes(32).toString('hex')
}

function getIssued(result: EnrolResult): Uint8Array {
  assert.equal(result.status, 'issued', JSON.stringify(result))
  return result.status === 'issued' ? result.certificateDer : new Uint8Array()
}

function revocationOf(order: EnrolOrder, more: Partial<RevokeOrder>): RevokeOrder {
  return { serialHex: order.certificate.serialHex, reason: 5, at: new Date(0), ...more }
}

function isTransient(code: string): (error: unknown) => boolean {
  return (error) => error instanceof ConnectorError && error.code === code && error.isTransient
}
