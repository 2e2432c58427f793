import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOwnHost } from '../../../src/http/host-name.ts'

const listed = ['connector.inside.example']

for (const host of [
  undefined,
  '',
  'localhost',
  'LOCALHOST:8081',
  'app.localhost',
  '127.0.0.1',
  '10.1.2.3:8081',
  '[::1]',
  '[::1]:8081',
  'connector:8081',
  'connector.inside.example',
  'Connector.Inside.Example.:8081',
]) {
  test(`the host ${host ?? '(none)'} is our own`, () => {
    assert.equal(isOwnHost(host, listed), true)
  })
}

for (const host of [
  'evil.example',
  'evil.example:8081',
  '127.0.0.1.evil.example',
  'localhost.evil.example',
  'evil.example.',
  '[evil.example]',
  '[127.0.0.1]',
  'evil.example:8081:127.0.0.1',
  'connector.inside.example.evil.example',
  'a@evil.example',
]) {
  test(`the host ${host} is somebody else's`, () => {
    assert.equal(isOwnHost(host, listed), false)
  })
}
