import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, test } from 'node:test'

const file = resolve(import.meta.dirname, '../../docs/nginx.conf')

/** A directive with where it stands: `http`, `http/server`, `http/server/location /`. */
interface Directive {
  readonly place: string
  readonly name: string
  readonly value: string
}

function parseDirectives(text: string): Directive[] {
  const found: Directive[] = []
  const places = ['http']
  const tokens = text.replaceAll(/#.*$/gm, '').matchAll(/([^;{}]*)([;{}])/g)
  for (const [, head = '', end] of tokens) {
    const words = head.trim().replaceAll(/\s+/g, ' ')
    if (end === '{') places.push(words)
    else if (end === '}') {
      assert.equal(words, '', `not ended by a semicolon: ${words}`)
      assert.ok(places.length > 1, 'one } too many')
      places.pop()
    } else {
      const [name = '', ...value] = words.split(' ')
      found.push({ place: places.join('/'), name, value: value.join(' ') })
    }
  }
  assert.deepEqual(places, ['http'], 'a block is not closed')
  return found
}

const directives = parseDirectives(readFileSync(file, 'utf8'))

function valuesOf(name: string, place: string): string[] {
  return directives
    .filter((one) => one.name === name && one.place === place)
    .map((one) => one.value)
}

function bytesOf(size: string): number {
  const [, digits = '0', unit] = /^(\d+)([km]?)$/.exec(size) ?? []
  return Number(digits) * (unit === 'm' ? 1 << 20 : unit === 'k' ? 1 << 10 : 1)
}

// What nginx itself makes of it is tried in test/interop/proxies.interop.ts.
describe('docs/nginx.conf', () => {
  test('REQ-61: request lines of 64 KiB fit, set where nginx reads them before it knows the server', () => {
    const [count, size] = (valuesOf('large_client_header_buffers', 'http')[0] ?? '').split(' ')
    assert.ok(Number(count) >= 4)
    // REQ-59: 65,534 octets, and the line feed.
    assert.ok(bytesOf(size ?? '') >= 65_536)
  })

  test('REQ-16, REQ-17, REQ-18: HTTP and HTTPS without a redirect, and no client certificate is asked for', () => {
    const listens = valuesOf('listen', 'http/server')
    assert.deepEqual(listens, ['80 default_server', '443 ssl default_server'])
    assert.deepEqual(valuesOf('ssl_verify_client', 'http/server'), ['off'])
    assert.ok(!directives.some(({ name }) => ['return', 'rewrite', 'error_page'].includes(name)))
  })

  test('REQ-19: a request goes on as it came: path untouched, body whole, sent once', () => {
    const at = 'http/server/location /'
    assert.deepEqual(valuesOf('proxy_pass', at), ['http://certificate_connector'])
    assert.deepEqual(valuesOf('proxy_request_buffering', at), ['on'])
    assert.deepEqual(valuesOf('proxy_next_upstream', at), ['off'])
    assert.ok(bytesOf(valuesOf('client_max_body_size', 'http/server')[0] ?? '') >= 262_144)
  })

  test('the address of the device replaces what it claims itself', () => {
    const headers = valuesOf('proxy_set_header', 'http/server/location /')
    assert.ok(headers.includes('X-Forwarded-For $remote_addr'))
  })

  test('the admin listener is not behind it, and requests are not logged whole', () => {
    assert.ok(!directives.some(({ value }) => value.includes('8081')))
    const [format = ''] = valuesOf('log_format', 'http')
    assert.ok(format.startsWith('scep ') && !/\$(request|request_uri|args)\b/.test(format))
    assert.deepEqual(valuesOf('access_log', 'http/server'), ['/var/log/nginx/access.log scep'])
  })
})
