import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readMoves } from './moves-csv.ts'

const HEAD =
  'row,mem_mb,link_mbit,mode,downtime_limit_ms,timeout_s,dirtyrate_calc_s,load1_before,probe_bw_mb_s,pre_dirtyrate_mib_s,' +
  'pre_cpu_time_ms_per_s,pre_balloon_rss_mb,pre_balloon_unused_mb'
const ROW = '7,256,500,precopy,300,11.9,1,0.9,59.8,2,150,254,86'

function read(...lines: readonly string[]) {
  return readMoves(new TextEncoder().encode(lines.join('\n')), 'moves.csv')
}

function withCell(column: string, value: string): string {
  const cells = ROW.split(',')
  cells[HEAD.split(',').indexOf(column)] = value
  return cells.join(',')
}

test('a move is read with its units', () => {
  assert.deepEqual(read(HEAD, ROW), [
    {
      row: '7',
      facts: {
        memoryMib: 256,
        linkMbitPerSec: 500,
        mode: 'precopy',
        downtimeLimitMs: 300,
        timeoutSec: 11.9,
        probeBytesPerSec: 59.8e6,
        dirtyMibPerSec: 2,
        dirtyWindowSec: 1,
        load1: 0.9,
        cpuMsPerSec: 150,
        residentMib: 254,
        unusedMib: 86,
      },
    },
  ])
})

test('further windows of page sampling are read where the file has them', () => {
  const head = `${HEAD},pre_dirtyrate_more`
  assert.deepEqual(read(head, `${ROW},4:12 1:14`)[0].facts.moreDirtyWindows, [
    { windowSec: 4, mibPerSec: 12 },
    { windowSec: 1, mibPerSec: 14 },
  ])
  assert.equal(read(head, `${ROW},`)[0].facts.moreDirtyWindows, undefined)
  assert.throws(() => read(head, `${ROW},0:12`), /pre_dirtyrate_more: "0:12" is not usable\. Expected windows/)
  assert.throws(() => read(head, `${ROW},12`), /like "4:12 1:14"/)
})

/** The columns from the last to the second. */
function turned(line: string): string {
  return line.split(',').slice(1).toReversed().join(',')
}

test('a link of 0 is none, columns may stand in any order, others are passed over, rows without names are numbered', () => {
  const [move] = read(`${turned(HEAD)},guest`, `${turned(withCell('link_mbit', '0'))},vm 1`)
  assert.equal(move.row, '1')
  assert.equal(move.facts.linkMbitPerSec, undefined)
})

test('what is no file of moves is refused', () => {
  assert.throws(() => read(''), /moves\.csv: "the file" is not usable\. It is empty/)
  assert.throws(() => read(HEAD), /It has column names and no moves/)
  assert.throws(
    () => read('row,mem_mb', '1,2'),
    /moves\.csv:1: "mode, link_mbit, .* is not usable\. These columns are missing/,
  )
  assert.throws(
    () => read(`${HEAD},mode`, `${ROW},precopy`),
    /moves\.csv:1: "mode" is not usable\. This column stands twice/,
  )
  assert.throws(() => read('\u0000\u0001\u0002', 'rubbish'), /These columns are missing/)
})

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ['mem_mb', 'NaN', /moves\.csv:3 \(row 7\), mem_mb: "NaN" is not usable\. Expected a finite number/],
  ['mem_mb', '', /moves\.csv:3 \(row 7\), mem_mb: .*Nobody measured it/],
  ['mem_mb', '0', /Expected memory of the VM in MiB, from 1/],
  ['probe_bw_mb_s', '-3', /moves\.csv:3 \(row 7\), probe_bw_mb_s: -3 is not usable/],
  ['probe_bw_mb_s', 'Infinity', /Expected a finite number/],
  ['pre_dirtyrate_mib_s', '0x10', /Expected a finite number/],
  ['timeout_s', '1e400', /Expected a finite number/],
  ['mode', 'warp', /mode: "warp" is not usable\. Expected one of precopy, autoconverge, postcopy/],
  ['pre_balloon_unused_mb', '257', /More than the VM's memory of 256 MiB/],
  ['row', '=cmd()', /row: "=cmd\(\)" is not usable/],
]

for (const [column, value, message] of REFUSED) {
  test(`${column} of '${value}' is refused with line, row and reason`, () => {
    assert.throws(() => read(HEAD, withCell('row', '6'), withCell(column, value)), message)
  })
}

test('rows that are cut short or stand twice are refused', () => {
  assert.throws(() => read(HEAD, ROW, '8,256,500'), /moves\.csv:3: 3 is not usable\. Expected 13 cells/)
  assert.throws(() => read(HEAD, ROW, ROW), /moves\.csv:3, row: "7" is not usable\. Another move has the same number/)
})
