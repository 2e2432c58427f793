import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readDemonstrationPorts } from '../../../src/cli/demonstration-ports.ts'

test('each port of the demonstration can be chosen by the variable that its key has', () => {
  assert.deepEqual(readDemonstrationPorts({}), {})
  assert.deepEqual(
    readDemonstrationPorts({
      CONNECTOR_LISTENERS_DEVICE_PORT: '1',
      CONNECTOR_LISTENERS_ADMIN_PORT: '2',
      CONNECTOR_SIMULATOR_HTTPS_PORT: '3',
      CONNECTOR_SIMULATOR_CONTROL_PORT: '65535',
    }),
    { device: 1, admin: 2, simulator: 3, control: 65_535 },
  )
})

test('an empty variable counts as unset', () => {
  assert.deepEqual(readDemonstrationPorts({ CONNECTOR_LISTENERS_ADMIN_PORT: '' }), {})
})

for (const text of ['0', '65536', '80a', '-1', '8080.5'])
  test(`port '${text}' is refused by name and value`, () => {
    assert.throws(() => readDemonstrationPorts({ CONNECTOR_LISTENERS_DEVICE_PORT: text }), {
      code: 'config/invalid',
      message: `CONNECTOR_LISTENERS_DEVICE_PORT is '${text}'; expected a port from 1 to 65535`,
    })
  })
