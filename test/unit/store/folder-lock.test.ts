import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { lockFolder } from '../../../src/store/folder-lock.ts'

describe('the lock of a data folder', () => {
  let folder: string
  let file: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'folder-lock-'))
    file = join(folder, 'lock')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('one holds it at a time, and the next may when it is given back', () => {
    const unlock = lockFolder(file)
    assert.throws(() => lockFolder(file), { code: 'store/conflict', message: /another connector/ })
    unlock()
    unlock()
    lockFolder(file)()
  })

  test('it holds between processes, whatever becomes of the way back, and ends with one that is killed', async (context) => {
    const module = new URL('../../../src/store/folder-lock.ts', import.meta.url).href
    const program = `const { lockFolder } = await import(${JSON.stringify(module)})
      lockFolder(${JSON.stringify(file)}); gc(); console.log('held'); setInterval(() => {}, 1000)`
    const words = ['--expose-gc', '--input-type=module', '-e', program]
    const holder = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
    context.after(() => holder.kill('SIGKILL'))
    await once(holder.stdout, 'data')
    assert.throws(() => lockFolder(file), { code: 'store/conflict' })
    const ended = once(holder, 'exit')
    holder.kill('SIGKILL')
    await ended
    lockFolder(file)()
  })

  test('a folder that cannot be written is told with the remedy', () => {
    assert.throws(() => lockFolder(join(folder, 'missing', 'lock')), {
      code: 'store/unavailable',
      message: /account of the service/,
    })
  })
})
