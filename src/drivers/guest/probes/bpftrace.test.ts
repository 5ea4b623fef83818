import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeMachine } from '../fake-machine.ts'
import * as fc from 'fast-check'
import { checkProperty } from '../../../../tools/property.ts'
import {
  complaintOf,
  libraryCallProgram,
  parseLibraryCalls,
  parseSystemCalls,
  sliceMsOf,
  systemCallProgram,
} from './bpftrace.ts'
import { remedyOfBpftrace } from './run-bpftrace.ts'

const ATTACHED = '{"type": "attached_probes", "data": {"probes": 2}}'

test('only whole seconds count: the first and the last are cut off', () => {
  // Recorded from bpftrace 0.17, shortened: seconds 10 to 13; 11 and 12 are whole.
  const map = '{"type": "map", "data": {"@calls": {"0,10": 7, "0,11": 100, "202,12": 5, "0,12": 102, "1,13": 9}}}'
  const slices = parseSystemCalls(`${ATTACHED}\n\n\n${map}\n`)
  assert.deepEqual(
    slices.map((slice) => [...slice]),
    [
      [[0, 100]],
      [
        [202, 5],
        [0, 102],
      ],
    ],
  )
})

test('keys are read as any version writes them', () => {
  for (const key of ['"(0, 5)"', '"0, 5"', '"[0,5]"', '"0,5"']) {
    const map = `{"type": "map", "data": {"@calls": {"9,4": 1, ${key}: 3, "9,6": 1}}}`
    assert.deepEqual(
      parseSystemCalls(map).map((slice) => [...slice]),
      [[[0, 3]]],
      key,
    )
  }
})

test('a second without any call is a second, and one second alone is none that is whole', () => {
  assert.equal(parseSystemCalls('{"type":"map","data":{"@calls":{"0,1":1,"0,5":1}}}').length, 3)
  assert.deepEqual(parseSystemCalls('{"type":"map","data":{"@calls":{"0,1":1}}}'), [])
  assert.deepEqual(parseSystemCalls(''), [])
})

test('library calls count between two instants that the program took itself', () => {
  const lines = [
    ATTACHED,
    map('@calls', { 0: 70817, 2: 4 }),
    map('@from', 20587010453730),
    map('@state', 2),
    map('@till', 20587358939005),
  ]
  const counted = parseLibraryCalls(lines.join('\n'))
  // 20 587 358.939005 ms − 20 587 010.453730 ms
  assert.ok(Math.abs((counted?.countedMs ?? 0) - 348.485275) < 1e-3)
  assert.deepEqual(
    [...(counted?.calls ?? [])],
    [
      [0, 70817],
      [2, 4],
    ],
  )
})

test('no call at all is a count of nothing; a program that did not get that far is no count', () => {
  const whole = [map('@from', 1e9), map('@state', 2), map('@till', 2e9)]
  assert.deepEqual(parseLibraryCalls(whole.join('\n')), { calls: new Map(), countedMs: 1000 })
  assert.equal(parseLibraryCalls([map('@from', 1e9), map('@state', 1), map('@till', 2e9)].join('\n')), undefined)
  assert.equal(parseLibraryCalls([map('@from', 2e9), map('@state', 2), map('@till', 1e9)].join('\n')), undefined)
  assert.equal(parseLibraryCalls(''), undefined)
})

test('rubbish is no count, and never an error', () => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '"@calls"',
    '"data":',
    '[',
    ']',
    '1e999',
    '-5',
    '"0,1":',
    'null',
    '\n',
    ',',
    '{"data":{"@calls":{',
  )
  checkProperty(
    fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 30 }), (parts) => {
      const text = parts.join('')
      for (const slice of parseSystemCalls(text)) for (const [, count] of slice) assert.ok(count >= 0)
      parseLibraryCalls(text)
    }),
    { runs: 1000 },
  )
  assert.deepEqual(
    parseSystemCalls('{"data":{"@calls":{"0,0":1,"0,9007199254740991":1}}}'),
    [],
    'no list of 2^53 seconds',
  )
  assert.deepEqual(parseSystemCalls('{"data":{"__proto__":{"@calls":{"0,1":1,"0,3":1}}}}'), [])
})

test('what bpftrace says against it is told in a line, without the warning that is none', () => {
  const stderr = "ERROR: Unknown error -1: couldn't set RLIMIT_MEMLOCK for bpftrace.\nstdin:1:5: ERROR: syntax error\n"
  assert.equal(complaintOf(stderr), 'stdin:1:5: ERROR: syntax error')
  assert.equal(complaintOf(''), 'it said nothing')
  assert.ok(complaintOf('x'.repeat(9999)).length <= 160)
})

test('programs end by themselves, whoever started them', () => {
  assert.match(systemCallProgram(5000, '->'), /args->id.*interval:ms:5000 \{ exit\(\); \}$/)
  assert.match(systemCallProgram(5000, '.'), /args\.id/)
  const program = libraryCallProgram([{ path: '/usr/lib/libc.so.6', name: 'free', slot: 1 }], 200, {
    hasOldWait: false,
  })
  assert.match(program, /uprobe:"\/usr\/lib\/libc\.so\.6":free \/@state == 1\/ \{ @calls\[1\] = count\(\); \}/)
  // 200 ms, looked at each 20; should it not end by that, it ends 20 s after the second it would have taken.
  assert.match(program, /interval:ms:20 \{ if \(@state == 1 && nsecs - @from >= 200000000\) \{ @till = nsecs; .*exit/)
  assert.match(program, /interval:s:21 \{ exit\(\); \}$/)
  assert.match(program, /\/pid == @self && @state == 0\//, 'another bpftrace that waits is no sign that ours is ready')
  assert.doesNotMatch(program, /sys_enter_epoll_wait/, 'aarch64 has no such call')
})

test('an attachment of a minute has no more slices than one of ten seconds, so that the keys fit in the map', () => {
  assert.deepEqual([3000, 5000, 10_000, 10_001, 60_000].map(sliceMsOf), [1000, 1000, 1000, 2000, 6000])
  assert.match(systemCallProgram(60_000, '->'), /nsecs \/ 6000000000\] = count/)
})

function map(name: string, data: unknown): string {
  return JSON.stringify({ type: 'map', data: { [name]: data } })
}

test('what bpftrace lacks is named by what it complained of', () => {
  const there = { '/usr/bin/bpftrace': '' }
  assert.match(remedyOfBpftrace(new FakeMachine({}), 'bpftrace is not installed'), /^install bpftrace/)
  assert.match(remedyOfBpftrace(new FakeMachine(there), "'linux/types.h' file not found"), /linux-libc-dev/)
  const debian = new FakeMachine({ ...there, '/proc/sys/kernel/perf_event_paranoid': '3\n' })
  assert.match(remedyOfBpftrace(debian, 'ERROR: Failed to open perf buffer'), /perf_event_paranoid to 2 \(it is 3\)/)
  const other = new FakeMachine({ ...there, '/proc/sys/kernel/perf_event_paranoid': '2\n' })
  assert.match(remedyOfBpftrace(other, 'ERROR: whatever'), /way = auto/)
})
