import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, test } from 'node:test'

/**
 * The corridors between the rooms: which room may import which. The same table stands in ARCHITECTURE.md, with the
 * reasons. An arrow that is not here does not exist. `types` means: type imports only.
 */
const corridors: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  pki: ['kernel'],
  scep: ['kernel', 'pki'],
  keys: ['kernel', 'pki'],
  ca: ['kernel', 'pki', 'keys'],
  pfx: ['kernel', 'pki'],
  management: ['kernel'],
  events: ['kernel'],
  store: ['kernel', 'events:types', 'pki:types', 'ca:types'],
  workers: ['kernel', 'pki', 'scep', 'ca'],
  connector: ['kernel', 'pki', 'scep', 'ca', 'management', 'store:types', 'events'],
  http: ['kernel', 'events', 'scep', 'connector'],
  simulator: ['kernel', 'pki'],
  config: ['kernel'],
  cli: ['kernel', 'config', 'events', 'simulator', 'keys', 'ca', 'pfx', 'store', 'compose'],
  compose: [
    'kernel',
    'pki',
    'scep',
    'keys',
    'ca',
    'pfx',
    'management',
    'events',
    'store',
    'workers',
    'connector',
    'http',
    'simulator',
    'config',
  ],
}

const source = resolve(import.meta.dirname, '../src')

interface Import {
  readonly from: string
  readonly to: string
  readonly isTypeOnly: boolean
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((file) => file.endsWith('.ts') && statSync(file).isFile())
}

function readImports(file: string): Import[] {
  const text = readFileSync(file, 'utf8')
  const pattern = /^(?:import|export)\s+(type\s)?(?:([^'"();=]*?)\s+from\s+)?['"](\.[^'"]+)['"]/gm
  const loaded = [...text.matchAll(/\bimport\(\s*['"](\.[^'"]+)['"]/g)].map((match) => ({
    from: file,
    to: resolve(dirname(file), match[1] ?? ''),
    isTypeOnly: false,
  }))
  const declared = [...text.matchAll(pattern)].map((match) => ({
    from: file,
    to: resolve(dirname(file), match[3] ?? ''),
    isTypeOnly:
      match[1] !== undefined ||
      (/^\{[^}]*\}$/s.test(match[2] ?? '') &&
        (match[2] ?? '')
          .slice(1, -1)
          .split(',')
          .filter((name) => name.trim() !== '')
          .every((name) => name.trim().startsWith('type '))),
  }))
  return [...declared, ...loaded]
}

function roomOf(file: string): string {
  const [first = ''] = relative(source, file).split('/')
  return first.replace(/\.ts$/, '')
}

const files = listFiles(source)
const imports = files.flatMap(readImports)

describe('architecture', () => {
  test('the check sees the house', () => {
    assert.ok(files.length > 60, `only ${files.length} files seen`)
    assert.ok(imports.length > 150, `only ${imports.length} imports seen`)
    for (const room of Object.keys(corridors))
      assert.ok(
        files.some((file) => roomOf(file) === room),
        `no file of room ${room} seen`,
      )
  })

  test('every file is in a room of the table', () => {
    for (const file of files) assert.ok(roomOf(file) in corridors, relative(source, file))
  })

  test('every import goes through a corridor', () => {
    const wrong = imports.filter((entry) => {
      const from = roomOf(entry.from)
      const to = roomOf(entry.to)
      if (from === to) return false
      const open = corridors[from] ?? []
      return !open.includes(to) && !(entry.isTypeOnly && open.includes(`${to}:types`))
    })
    assert.deepEqual(
      wrong.map((entry) => `${relative(source, entry.from)} -> ${relative(source, entry.to)}`),
      [],
    )
  })

  test('a room is entered by its door', () => {
    const wrong = imports.filter((entry) => {
      const to = roomOf(entry.to)
      if (roomOf(entry.from) === to || to === 'compose' || roomOf(entry.from) === 'compose')
        return false
      return relative(source, entry.to) !== `${to}/index.ts`
    })
    assert.deepEqual(
      wrong.map((entry) => `${relative(source, entry.from)} -> ${relative(source, entry.to)}`),
      [],
    )
  })

  test('environment and arguments are read in config and cli only', () => {
    const wrong = files.filter(
      (file) =>
        !['config', 'cli'].includes(roomOf(file)) &&
        /process\.(env|argv)/.test(readFileSync(file, 'utf8')),
    )
    assert.deepEqual(
      wrong.map((file) => relative(source, file)),
      [],
    )
  })

  test('pki, scep and connector take time and network as parameters', () => {
    // `isIP` is a pure function that happens to live in the network module.
    const pureImport = "import { isIP } from 'node:net'"
    const wrong = files.filter(
      (file) =>
        ['pki', 'scep', 'connector'].includes(roomOf(file)) &&
        /Date\.now\(|new Date\(\)|from 'node:(http|https|net|fs|dns)/.test(
          readFileSync(file, 'utf8').replace(pureImport, ''),
        ),
    )
    assert.deepEqual(
      wrong.map((file) => relative(source, file)),
      [],
    )
  })

  test('the hot path does not load the ASN.1 object model', () => {
    const wrong = files.filter(
      (file) =>
        ['pki', 'scep', 'workers', 'connector'].includes(roomOf(file)) &&
        /from '(pkijs|asn1js|node-forge)/.test(readFileSync(file, 'utf8')),
    )
    assert.deepEqual(
      wrong.map((file) => relative(source, file)),
      [],
    )
  })

  test('the table of ARCHITECTURE.md is this table', () => {
    const text = readFileSync(resolve(source, '../ARCHITECTURE.md'), 'utf8')
    for (const [room, open] of Object.entries(corridors)) {
      const name = `\`${room}/\``
      const row = text.split('\n').find((line) => line.startsWith(`| ${name} |`))
      assert.ok(row, `ARCHITECTURE.md has no row for ${room}`)
      const told = (row.split('|')[3] ?? '').trim()
      const expected =
        room === 'compose'
          ? 'all'
          : open.map((name) => name.replace(/^(\w+):types$/, '$1 (types)')).join(', ') || 'nothing'
      assert.equal(told, expected, `row of ${room}`)
    }
  })
})
