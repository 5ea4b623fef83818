/** What is killed: writes step after step into a store, and says of each when it is acknowledged. Words: file, first step, how many at most. */
import { writeSync } from 'node:fs'
import { admit } from '../../src/engine/admission/senders.ts'
import { openSqliteSite } from '../../src/drivers/sqlite/site-store.ts'
import { StoreError } from '../../src/world/errors.ts'
import { RETENTION } from '../../src/world/site-store.ts'
import { stepAt, writeStep } from './store-load.ts'

const [path = '', first = '', most = '1000000'] = process.argv.slice(2)
const store = openSqliteSite(path, { admit })
for (let step = Number(first); step < Number(first) + Number(most); step++) {
  try {
    const tended = step % 3 === 0 ? store.upkeep.tend(stepAt(step), RETENTION) : undefined
    await writeStep(store, step)
    await tended
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    writeSync(1, `${error.code}: ${error.message}\n`)
    process.exit(3)
  }
  writeSync(1, `${step}\n`)
}
await store.close()
