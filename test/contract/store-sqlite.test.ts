import { openSqliteHarness } from '../support/sqlite-stores.ts'
import { describeStore } from './store.suite.ts'

describeStore('SQLite', openSqliteHarness)
