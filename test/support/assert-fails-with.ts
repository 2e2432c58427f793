import assert from 'node:assert/strict'
import { ConnectorError, type ErrorCode } from '../../src/kernel/index.ts'

/** Asserts that a promise fails with a ConnectorError of this code; gives the error for more. */
export async function assertFailsWith(
  promise: Promise<unknown>,
  code: ErrorCode,
): Promise<ConnectorError> {
  let failure: unknown
  try {
    await promise
  } catch (error) {
    failure = error
  }
  assert.ok(failure instanceof ConnectorError, `expected ${code}, got ${String(failure)}`)
  assert.equal(failure.code, code, failure.message)
  return failure
}
