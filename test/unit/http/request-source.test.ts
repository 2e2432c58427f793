import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseNetwork, parseSource } from '../../../src/http/request-source.ts'

const sources = [
  { title: 'an address is itself', forwarded: '192.0.2.1', source: '192.0.2.1' },
  { title: 'a port is cut off', forwarded: '192.0.2.1:4711', source: '192.0.2.1' },
  { title: 'brackets and port are cut off', forwarded: '[2001:db8::1]:443', source: '2001:db8::1' },
  { title: 'a mapped address is IPv4', forwarded: '::ffff:192.0.2.1', source: '192.0.2.1' },
  {
    title: 'an invented name gives way to the peer',
    forwarded: 'evil\nname',
    source: '198.51.100.7',
  },
  { title: 'nothing gives way to the peer', forwarded: undefined, source: '198.51.100.7' },
] as const

for (const { title, forwarded, source } of sources) {
  test(`source: ${title}`, () => {
    assert.equal(parseSource(forwarded, '198.51.100.7'), source)
  })
}

test('source: a connection that is gone is unknown', () => {
  assert.equal(parseSource(undefined, undefined), 'unknown')
})

const networks = [
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:0DB8::ffff', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['1:2:3:4::', '1:2:3:4::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
] as const

for (const [address, network] of networks) {
  test(`network: ${address} counts as ${network}`, () => {
    assert.equal(parseNetwork(address), network)
  })
}
