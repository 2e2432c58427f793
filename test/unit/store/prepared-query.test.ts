import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { prepareQuery } from '../../../src/store/prepared-query.ts'
import { sqliteDialect } from '../../../src/store/sqlite/sqlite-dialect.ts'

const { compiler: db } = sqliteDialect

describe('prepareQuery', () => {
  test('values take the places of their stand-ins, constants stay', () => {
    const find = prepareQuery((slots: { readonly id: string; readonly dueAt: number }) =>
      db
        .selectFrom('notification')
        .select('id')
        .where('due_at', '<=', slots.dueAt)
        .where('state', '=', 'due')
        .where('id', '=', slots.id),
    )
    const first = find({ id: 'a', dueAt: 7 })
    const second = find({ dueAt: 8, id: 'b' })
    assert.deepEqual(first.parameters, [7, 'due', 'a'])
    assert.deepEqual(second.parameters, [8, 'due', 'b'])
    assert.equal(first.sql, second.sql)
    assert.match(first.sql, /"due_at" <= \? and "state" = \? and "id" = \?/)
  })

  test('one value can stand in two places', () => {
    const take = prepareQuery((slots: { readonly holder: string }) =>
      db.updateTable('lease').set({ holder: slots.holder }).where('holder', '!=', slots.holder),
    )
    assert.deepEqual(take({ holder: 'x' }).parameters, ['x', 'x'])
  })

  test('a text that looks like SQL stays a value', () => {
    const find = prepareQuery((slots: { readonly id: string }) =>
      db.selectFrom('notification').select('id').where('id', '=', slots.id),
    )
    const statement = find({ id: `'; drop table notification; --` })
    assert.ok(!statement.sql.includes('drop'))
  })
})
