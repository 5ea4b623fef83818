/** `ethos replay` as a user meets it, on turns that a desk has taken. */
import assert from 'node:assert/strict'
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { aBench } from '../../../tools/server/desk-bench.ts'
import { openSqliteSite } from '../../drivers/sqlite/site-store.ts'
import { admit } from '../../engine/admission/senders.ts'
import { MiB } from '../../terms/units.ts'
import { readTurns } from '../server/replay/read-turns.ts'
import { TurnRecorder } from '../server/replay/turn-recorder.ts'
import { UserFolder } from './builders.ts'
import { readVersion } from './version.ts'

const user = new UserFolder()
const folder = join(user.path, 'data', 'turns')
const replay = (...words: readonly string[]) => user.run(['replay', ...words])
let orderId = ''

before(async () => {
  mkdirSync(join(user.path, 'data'), { mode: 0o700 })
  const recorder = new TurnRecorder({ folder, bytesMax: MiB, version: '9.9.9', say: () => undefined })
  // At full its promise stands in the turns after it as well.
  const bench = await aBench('full', undefined, recorder)
  await bench.stepUntil(() => bench.orders.length > 0)
  orderId = bench.orders[0].id
  for (let turn = 0; turn < 3; turn++) await bench.step()
  await recorder.close()
  const store = openSqliteSite(join(user.path, 'data', 'ethos.sqlite'), { admit })
  for (const { line, at } of await bench.store.journal.last(1000)) await store.journal.append(line, at)
  await store.close()
  // Another version, which gave another reason.
  const others = new TurnRecorder({
    folder: join(user.path, 'others'),
    bytesMax: MiB,
    version: '9.9.9',
    say: () => undefined,
  })
  for await (const one of readTurns(join(folder, readdirSync(folder)[0])))
    if ('line' in one) await others.keep({ ...one, line: one.line.replaceAll('"confidence":', '"certainty":') })
  await others.close()
})

after(() => user.remove())

test('all turns of a data folder come out the same, and are told beside the journal', () => {
  const { code, stdout, stderr } = replay('--data', 'data')
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(
    stdout,
    /^(\d) turns of \d{4}-.* to .*, with \d orders?: each came out the same, byte for byte\.\n\1 of these lines stand in the journal\.\n$/,
  )
  const report = JSON.parse(replay('--data', 'data', '--json').stdout) as Record<string, unknown>
  assert.equal(report['turns'], report['same'])
})

test('the turn of one move is found by its id', () => {
  const { code, stdout } = replay('--data', 'data', '--move', orderId)
  assert.equal(code, 0)
  assert.match(
    stdout,
    /^1 turn of .*: it came out the same, byte for byte\.\n1 of these lines stands in the journal\.\n$/,
  )
  const none = replay('--data', 'data', '--move', 'ethos-999-0')
  assert.equal(none.code, 2)
  assert.match(none.stderr, /"ethos-999-0" is not usable\. No turn that is kept made it\./)
})

test('a journal that says otherwise than what was kept ends with 1', async () => {
  const changed = join(user.path, 'changed')
  cpSync(join(user.path, 'data'), changed, { recursive: true })
  chmodSync(changed, 0o700)
  const database = new DatabaseSync(join(changed, 'ethos.sqlite'))
  database.exec(
    `UPDATE journal SET line = replace(line, '"reason":"', '"reason":"Not ') WHERE line LIKE '%move-ordered%'`,
  )
  database.close()
  const { code, stdout } = replay('--data', 'changed')
  assert.equal(code, 1)
  assert.match(stdout, /^turn \d+, .*: the journal’s line\n {2}recorded {2}SHA-256 [\da-f]{64}$/m)
  assert.match(stdout, /^1 line of the journal is not what was kept\.$/m)
})

test('what comes out otherwise ends with 1, with the field, both values and who recorded it', () => {
  const [name] = readdirSync(join(user.path, 'others'))
  const { code, stdout } = replay(join('others', name))
  assert.equal(code, 1)
  assert.match(stdout, /\d did not\.\n/)
  assert.match(
    stdout,
    /^turn \d+, .*: events\.\d+\.order\.move\.certainty\n {2}recorded {2}[\d.]+\n {2}replayed {2}nothing$/m,
  )
  assert.ok(stdout.includes(`Recorded by ethos 9.9.9; this is ${readVersion()}, which may decide otherwise.`))
})

test('rubbish, nothing, and what is not there are told with what is wanted', () => {
  user.write('rubbish.zst', 'no turns at all')
  const rubbish = replay('rubbish.zst')
  assert.equal(rubbish.code, 1)
  assert.match(rubbish.stdout, /^No turn is kept in what was read\.\nrubbish\.zst: .*damaged, or no file of turns\.\n$/)
  const whole = readFileSync(join(folder, readdirSync(folder)[0]))
  writeFileSync(join(user.path, 'cut.zst'), whole.subarray(0, whole.length - 20))
  const cut = replay('cut.zst')
  assert.equal(cut.code, 0)
  assert.match(cut.stdout, /^cut\.zst ends amid a turn: its server still writes it, or was killed\.$/m)
  // What was not judged is no proof.
  writeFileSync(join(user.path, 'none.zst'), '')
  assert.equal(replay('none.zst').code, 1)
  assert.match(replay('nowhere.zst').stderr, /nowhere\.zst.* It can not be read \(ENOENT\)\./)
  assert.match(replay().stderr, /Expected the server’s data folder, or files of turns\./)
  mkdirSync(join(user.path, 'empty'), { mode: 0o700 })
  const empty = replay('--data', 'empty')
  assert.equal(empty.code, 2)
  assert.match(empty.stderr, /Nothing is kept in turns\. A server keeps what its newest turns were judged on/)
})
