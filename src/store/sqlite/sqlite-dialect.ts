import {
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely'
import type { Schema } from '../schema.ts'
import type { SqlDialect } from '../sql-dialect.ts'

/** SQLite: octets are BLOB, every integer is INTEGER, tables are STRICT; one writer at a time, so no row is ever locked. */
export const sqliteDialect: SqlDialect = {
  compiler: new Kysely<Schema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  }),
  bytesType: 'blob',
  integerType: 'integer',
  growingKey: (column) => column.primaryKey().autoIncrement(),
  finishTable: (table) => table.modifyEnd(sql`strict`),
  skipLocked: (query) => query,
}
