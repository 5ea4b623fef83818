import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { letLoadIn, writeStep } from '../../../tools/server/store-load.ts'
import { lockFile } from '../../drivers/sqlite/folder-lock.ts'
import { openSqliteSite } from '../../drivers/sqlite/site-store.ts'
import { admit } from '../../engine/admission/senders.ts'
import { UserFolder } from './builders.ts'

const user = new UserFolder()
const data = join(user.path, 'data')
const path = join(data, 'agents.sqlite')
const store = (...words: readonly string[]) => user.run(['store', ...words, '--data', 'data'])

before(async () => {
  mkdirSync(data, { mode: 0o700 })
  const site = openSqliteSite(path, { admit })
  await letLoadIn(site)
  for (let step = 0; step < 3; step++) await writeStep(site, step)
  await site.close()
})

after(() => user.remove())

test('a store that is well is whole, for people and for programs', () => {
  const { code, stdout, stderr } = store('check')
  assert.deepEqual([code, stdout, stderr], [0, `${path} is whole.\n`, ''])
  assert.deepEqual(JSON.parse(store('check', '--json').stdout), { store: path, isWhole: true, findings: [] })
})

test('what takes how much is told by table, and adds up to about the file', () => {
  const { code, stdout } = store('size', '--json')
  assert.equal(code, 0)
  const { fileBytes, tables } = JSON.parse(stdout) as {
    fileBytes: number
    tables: readonly { table: string; rows: number; bytes: number }[]
  }
  // Three steps of eight VMs.
  assert.equal(tables.find(({ table }) => table === 'fullVectors')?.rows, 24)
  const sum = tables.reduce((bytes, table) => bytes + table.bytes, 0)
  assert.ok(sum <= fileBytes && sum > fileBytes * 0.7, `${sum} of ${fileBytes}`)
  assert.match(store('size').stdout, /^fullVectors +24 rows +\d+\.\d MiB$/m)
})

test('a copy is made once, is its owner’s alone, and is whole', () => {
  const { code, stdout } = store('backup', 'copy/agents.sqlite')
  assert.deepEqual([code, stdout], [2, ''])
  mkdirSync(join(user.path, 'copy'), { mode: 0o700 })
  assert.match(store('backup', 'copy/agents.sqlite').stdout, /copy\/agents\.sqlite is a copy of what was there/)
  assert.equal(statSync(join(user.path, 'copy/agents.sqlite')).mode & 0o777, 0o600)
  assert.equal(user.run(['store', 'check', '--data', 'copy']).code, 0)
  const again = store('backup', 'copy/agents.sqlite')
  assert.equal(again.code, 2)
  assert.match(again.stderr, /There is such a file already: name another\./)
})

test('the schema goes back and forth, but not under a server that runs', () => {
  const lock = lockFile(join(data, 'server.lock'))
  const refused = store('migrate', '--to', '0')
  lock?.close()
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /another server runs with it/)
  assert.equal(store('migrate', '--to', '0').stdout, 'The schema was 1 and is 0 now.\n')
  assert.match(store('check').stdout, /^note +The schema is 0, and this version of Ethos writes 1\./)
  assert.deepEqual(JSON.parse(store('migrate', '--json').stdout), { store: path, before: 0, schema: 1 })
  assert.equal(store('migrate').stdout, 'The schema is 1 already.\n')
  assert.match(
    store('migrate', '--to', '7').stderr,
    /^ethos: --to: "7" is not usable\. Expected a whole number from 0 to 1\.$/m,
  )
})

test('damage ends with 1 and says what and where; what can’t be asked ends with 2', () => {
  const database = new DatabaseSync(path)
  database.exec(`UPDATE journal SET line = 'other' WHERE number = 2`)
  database.close()
  const { code, stdout } = store('check')
  assert.equal(code, 1)
  assert.match(stdout, /^damage +The journal was changed: line 2 is not what was written, or is missing\./)
  const told = JSON.parse(store('check', '--json').stdout) as { isWhole: boolean; findings: readonly unknown[] }
  assert.deepEqual([told.isWhole, told.findings.length], [false, 1])
  mkdirSync(join(user.path, 'empty'), { mode: 0o700 })
  for (const folder of ['empty', 'nowhere']) {
    const ended = user.run(['store', 'check', '--data', folder])
    assert.equal(ended.code, 2)
    assert.match(ended.stderr, /Did a server ever run/)
  }
  assert.equal(existsSync(join(user.path, 'empty', 'agents.sqlite')), false)
  chmodSync(join(user.path, 'empty'), 0o755)
  assert.equal(user.run(['store', 'check', '--data', 'empty']).code, 2)
})

test('a file that is no store at all is damage', () => {
  mkdirSync(join(user.path, 'text'), { mode: 0o700 })
  writeFileSync(join(user.path, 'text', 'agents.sqlite'), 'no database at all, but long enough to be one. '.repeat(200))
  const { code, stdout } = user.run(['store', 'check', '--data', 'text'])
  assert.equal(code, 1)
  assert.match(stdout, /^damage .*Bring the file back from a copy/)
})

test('help has examples and the codes it ends with', () => {
  const { stdout } = user.run(['store', '--help'])
  assert.match(stdout, /with 1 if something is damaged/)
  for (const what of ['check', 'backup', 'migrate', 'size'])
    assert.match(user.run(['store', what, '--help']).stdout, new RegExp(`Example:\n {2}ethos store ${what}`))
})
