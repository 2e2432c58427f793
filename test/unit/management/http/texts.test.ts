import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseErrorBody } from '../../../../src/management/http/error-body.ts'
import { cleanText } from '../../../../src/management/http/plain-text.ts'
import { parseRetryAfter } from '../../../../src/management/http/retry-after.ts'

const text = (body: unknown): string | undefined =>
  parseErrorBody(typeof body === 'string' ? body : JSON.stringify(body), []).text

test('error bodies of every known form are read', () => {
  assert.equal(text({ error: { code: 'Forbidden', message: 'no' } }), 'Forbidden: no')
  const inner = JSON.stringify({ _version: 3, Message: 'inner text' })
  assert.equal(text({ error: { code: 'E', message: inner } }), 'E: inner text')
  const odata = { code: 'Denied', message: { lang: 'en', value: 'Insufficient' } }
  assert.equal(text({ 'odata.error': odata }), 'Denied: Insufficient')
  assert.equal(text({ errorDescription: 'why' }), 'why')
  assert.equal(text({ error: 'invalid_client', error_description: 'AADSTS1 x' }), 'AADSTS1 x')
  assert.equal(text({ error: 'invalid_client' }), 'invalid_client')
  assert.equal(text('<html><title>Gone</title></html>'), "HTML page 'Gone'")
})

test('a body that says nothing readable gives nothing', () => {
  for (const body of ['', '{', '[]', 'null', '"x"', '{"error":{}}', '{"a":1}']) {
    assert.equal(text(body), undefined)
  }
})

test('documents nested without end are read to a fixed depth', () => {
  let body = 'core'
  for (let i = 0; i < 8; i += 1) body = JSON.stringify({ error: { message: body } })
  assert.match(text(body) ?? '', /^\{"error"/)
})

test('AADSTS numbers come with advice', () => {
  const body = JSON.stringify({ error_description: 'AADSTS7000222: expired' })
  const found = parseErrorBody(body, [])
  assert.equal(found.aadsts, '7000222')
  assert.match(found.text ?? '', /make a new one/)
})

test('text of the other side becomes one short printable line', () => {
  assert.equal(cleanText('a\r\n\u001b[31mb\u0000\u2028c\u202ed'), 'a [31mb c d')
  assert.equal(cleanText('x y '.repeat(200)).length, 400)
  assert.equal(cleanText(`tail ${'A'.repeat(80)}`), 'tail [removed]')
})

test('secrets are removed plain and as forms spell them, the longest first', () => {
  const clean = cleanText('k=pa~ss w%7E pa%7Ess+w, pa~ss%20w, pa~ss w2', ['pa~ss', 'pa~ss w'])
  assert.doesNotMatch(clean, /pa(~|%7E)ss/)
  assert.equal(cleanText('abc', ['b']), 'abc')
})

test('Retry-After is read as seconds or HTTP date, never as anything else', () => {
  const now = new Date('2026-06-01T12:00:00Z')
  assert.equal(parseRetryAfter('120', now), 120_000)
  assert.equal(parseRetryAfter('Mon, 01 Jun 2026 12:00:30 GMT', now), 30_000)
  assert.equal(parseRetryAfter('Mon, 01 Jun 2026 11:00:00 GMT', now), 0)
  assert.equal(parseRetryAfter('999999999', now), 86_400_000)
  for (const wrong of [undefined, '', '-1', '1.5', 'soon', '2026-06-01', '1e9']) {
    assert.equal(parseRetryAfter(wrong, now), undefined)
  }
})
