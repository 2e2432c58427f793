import type {
  ColumnDefinitionBuilder,
  CreateTableBuilder,
  Kysely,
  SelectQueryBuilder,
} from 'kysely'
import type { Schema } from './schema.ts'

/** Where the engines differ; everything else is written once, with Kysely. One file an engine implements it. */
export interface SqlDialect {
  /** Compiles queries; it has no connection. */
  readonly compiler: Kysely<Schema>
  /** Column type of octets. */
  readonly bytesType: 'blob' | 'bytea'
  /** Column type of integers up to 2^53: times in milliseconds, counters. */
  readonly integerType: 'integer' | 'bigint'
  /** A primary key that grows with every row. */
  growingKey(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder
  /** What stands behind the columns of every table. */
  finishTable<Table extends string, Column extends string>(
    table: CreateTableBuilder<Table, Column>,
  ): CreateTableBuilder<Table, Column>
  /** Makes the sub-query of a claim pass over rows that another transaction is claiming at this moment. */
  skipLocked<Table extends keyof Schema, Row>(
    query: SelectQueryBuilder<Schema, Table, Row>,
  ): SelectQueryBuilder<Schema, Table, Row>
}
