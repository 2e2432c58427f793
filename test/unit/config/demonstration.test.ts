import assert from 'node:assert/strict'
import { test } from 'node:test'
import { demonstrationConfiguration } from '../../../src/config/index.ts'

test('the demonstration listens on loopback only and keeps everything in its folder', () => {
  const configuration = demonstrationConfiguration('/data')
  const { listeners, store, passphraseFile, intune } = configuration
  assert.deepEqual(
    [listeners.device.host, listeners.device.port, listeners.device.publicUrl],
    ['127.0.0.1', 8080, 'http://127.0.0.1:8080'],
  )
  assert.deepEqual(listeners.admin, { host: '127.0.0.1', port: 8081, hostNames: [] })
  assert.deepEqual(configuration.simulator, { enabled: true, httpsPort: 8443, controlPort: 8090 })
  assert.deepEqual(
    [store.file, passphraseFile, intune?.trustedCaFile],
    ['/data/connector.db', '/data/passphrase', '/data/simulator-ca.pem'],
  )
  assert.deepEqual(intune?.allowedHostSuffixes, ['127.0.0.1'])
})

test('its profiles are default with Intune, static, and legacy with old algorithms', () => {
  const { profiles } = demonstrationConfiguration('/data')
  assert.deepEqual(
    profiles.map(({ name, challenge, scep }) => [
      name,
      challenge.kind === 'static' ? challenge.secret?.reveal() : 'Intune',
      scep.allowDes,
      scep.allowMd5,
    ]),
    [
      ['default', 'Intune', false, false],
      ['static', 'secret', false, false],
      ['legacy', 'secret', true, true],
    ],
  )
})

test('its client secret is new each time', () => {
  const [a, b] = [demonstrationConfiguration('/data'), demonstrationConfiguration('/data')]
  assert.notEqual(a.intune?.clientSecret?.reveal(), b.intune?.clientSecret?.reveal())
})

test('its ports can be chosen', () => {
  const ports = { device: 1, admin: 2, simulator: 3, control: 4 }
  const { listeners, simulator, intune } = demonstrationConfiguration('/data', ports)
  assert.equal(listeners.device.publicUrl, 'http://127.0.0.1:1')
  assert.equal(listeners.admin.port, 2)
  assert.deepEqual([simulator.httpsPort, simulator.controlPort], [3, 4])
  assert.deepEqual(
    [intune?.authorityUrl, intune?.graphUrl],
    ['https://127.0.0.1:3', 'https://127.0.0.1:3/graph'],
  )
})
