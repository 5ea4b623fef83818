import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { REPOSITORY } from '../../../tools/repository.ts'
import { UserFolder } from './builders.ts'

const user = new UserFolder()
after(() => user.remove())

const MOVES = readFileSync(join(REPOSITORY, 'traces', 'live-migrations', 'migrations.csv'), 'utf8')
const NEEDED =
  /^(row|mem_mb|link_mbit|mode|downtime_limit_ms|timeout_s|dirtyrate_calc_s|load1_before|probe_bw_mb_s|pre_(?!true_).*)$/

/** The same moves as a controller knows them: nothing of what came, nothing that only the guest knows. */
function beforehand(): string {
  const lines = MOVES.trim().split('\n')
  const head = lines[0].split(',')
  const kept = head.flatMap((name, i) => (NEEDED.test(name) ? [i] : []))
  return `${lines.map((line) => kept.map((i) => line.split(',')[i]).join(',')).join('\n')}\n`
}

test('each move is promised, and what came of it is not looked at', () => {
  user.write('all.csv', MOVES)
  user.write('before.csv', beforehand())
  const { code, stderr } = user.run(['migration', 'predict', '--in', 'all.csv', '--out', 'a.csv'])
  assert.equal(code, 0, stderr)
  assert.equal(user.run(['migration', 'predict', '--in', 'before.csv', '--out', 'b.csv']).code, 0)
  const promised = readFileSync(join(user.path, 'a.csv'), 'utf8')
  assert.equal(readFileSync(join(user.path, 'b.csv'), 'utf8'), promised)
  const [head, ...lines] = promised.trim().split('\n')
  assert.equal(head, 'row,pred_total_ms,pred_downtime_ms,pred_bytes_mib,p_converge')
  assert.equal(lines.length, MOVES.trim().split('\n').length - 1)
  for (const line of lines) {
    const [, total, downtime, bytes, share] = line.split(',').map(Number)
    assert.ok(total > 0 && downtime > 0 && bytes > 0 && share >= 0 && share <= 1, line)
  }
})

test('JSON has ranges; both may be had at once', () => {
  user.write('before.csv', beforehand())
  const { code, stdout } = user.run(['migration', 'predict', '--in', 'before.csv', '--json', '--out', 'too.csv'])
  assert.equal(code, 0)
  const [move] = (JSON.parse(stdout) as { moves: { totalMs: number; totalMsRange: number[] }[] }).moves
  assert.ok(move.totalMsRange[0] < move.totalMs && move.totalMs < move.totalMsRange[1])
  assert.match(readFileSync(join(user.path, 'too.csv'), 'utf8'), /^row,/)
  const ended = user.runShell('$ethos migration predict --in - < before.csv | head -n 1')
  assert.equal(ended.stdout, 'row,pred_total_ms,pred_downtime_ms,pred_bytes_mib,p_converge\n')
})

test('what can not be promised is refused by line and reason, and nothing is written', () => {
  user.write('bad.csv', beforehand().replace('autoconverge', 'hyperspace'))
  const ended = user.run(['migration', 'predict', '--in', 'bad.csv', '--out', 'never.csv'])
  assert.equal(ended.code, 2)
  assert.match(ended.stderr, /^ethos: bad\.csv:2 \(row 1\), mode: "hyperspace" is not usable/)
  assert.throws(() => readFileSync(join(user.path, 'never.csv')))
  const missing = user.run(['migration', 'predict', '--in', 'nowhere.csv'])
  assert.equal(missing.code, 2)
  assert.match(missing.stderr, /--in: "nowhere\.csv" is not usable\. It can't be read \(ENOENT\)/)
  assert.equal(user.run(['migration', 'predict']).code, 2)
  user.write('model.json', '{"schema": 9}')
  const foreign = user.run(['migration', 'predict', '--in', 'bad.csv', '--model', 'model.json'])
  assert.equal(foreign.code, 2)
  assert.match(foreign.stderr, /cost model\.schema: 9/)
  assert.equal(user.run(['migration', 'predict', '--in', 'bad.csv', '--out', 'bad.csv']).code, 2)
})

test('--help says how it is used', () => {
  const { code, stdout } = user.run(['migration', 'predict', '--help'])
  assert.equal(code, 0)
  assert.match(stdout, /ethos migration predict --in moves\.csv --out promised\.csv/)
})
