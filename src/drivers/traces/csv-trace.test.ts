import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { checkProperty } from '../../../tools/property.ts'
import { ParseError } from '../../terms/parse.ts'
import type { Trace } from '../../terms/trace.ts'
import { type CsvTraceOptions, parseTraceCsv, readTraceFile } from './csv-trace.ts'
import { LONG_COLUMNS } from './csv-long.ts'
import { describeCounts } from './trace-counts.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-traces-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function parse(text: string, options: CsvTraceOptions = {}): Trace {
  return parseTraceCsv(new TextEncoder().encode(text), 'shop.csv', options)
}

/** The row's shares as percent, absent as null, without the rounding of 32 bits. */
function percents(trace: Trace, row: number, column = trace.columns.cpu): (number | null)[] {
  return Array.from(column.subarray(row * trace.steps, (row + 1) * trace.steps), (share) =>
    Number.isNaN(share) ? null : Math.round(share * 1e6) / 1e4,
  )
}

test('a wide file is one row per VM, a name and then percent of its size per 300 s', () => {
  const trace = parse('web-1,12,14.5,90\ndb-1,40,0,100\n')
  assert.deepEqual(trace.vmNames, ['web-1', 'db-1'])
  assert.equal(trace.stepMs, 300_000)
  assert.equal(trace.steps, 3)
  assert.deepEqual(percents(trace, 0), [12, 14.5, 90])
  assert.deepEqual(percents(trace, 1), [40, 0, 100])
  assert.deepEqual(trace.counts, { vms: 2, samples: 6, gaps: 0, above100: 0, comeAndGo: 0 })
})

test('a long file names its columns, in any order and of any subset', () => {
  const trace = parse(
    'second,net_tx_kBps,vm,cpu_percent,memory_percent\n0,80,web,12,55\n300,,web,14.5,\n0,12,db,40,80\n',
  )
  assert.deepEqual(trace.vmNames, ['web', 'db'])
  assert.equal(trace.steps, 2)
  assert.deepEqual(percents(trace, 0), [12, 14.5])
  assert.deepEqual(percents(trace, 1), [40, null])
  assert.deepEqual(percents(trace, 0, trace.columns.memory), [55, null])
  assert.deepEqual([...(trace.columns.netSend ?? [])], [80_000, Number.NaN, 12_000, Number.NaN])
  assert.equal(trace.columns.diskRead, undefined, 'a resource without a column is absent as a whole')
  assert.deepEqual(trace.counts, { vms: 2, samples: 3, gaps: 0, above100: 0, comeAndGo: 1 })
})

test('line ends of Windows, a byte order mark, empty lines, blanks and quotes change nothing', () => {
  const plain = parse('x,1,2\nd,3,4\n')
  const dressed = parse('\uFEFF\r\n"x", 1 ,"2"\r\n\r\n d ,3,4')
  assert.deepEqual(dressed.vmNames, plain.vmNames)
  assert.deepEqual(dressed.columns.cpu, plain.columns.cpu)
  assert.deepEqual(parse('"a ""b"", c",1\n').vmNames, ['a "b", c'])
  const long = parse('vm,second,cpu_percent\r\na,0,1\r\na,300,2\r\n')
  assert.deepEqual(percents(long, 0), [1, 2])
})

test('an empty cell is a gap, at either end a VM that comes or goes, and never a zero', () => {
  const trace = parse('a,,10,,30,\nb,1,2,3,4,5\n')
  assert.deepEqual(percents(trace, 0), [null, 10, null, 30, null])
  assert.deepEqual(trace.counts, { vms: 2, samples: 7, gaps: 1, above100: 0, comeAndGo: 1 })
})

test('a missing row of a long file is a gap', () => {
  const { counts, steps } = parse('vm,second,cpu_percent\na,0,1\na,600,3\nb,300,2\n')
  assert.equal(steps, 3)
  assert.deepEqual(counts, { vms: 2, samples: 3, gaps: 1, above100: 0, comeAndGo: 1 })
})

test('values over 100 % are kept and counted; strict refuses them', () => {
  const text = 'a,101,1000\nb,100,7\n'
  assert.equal(parse(text).counts.above100, 2)
  assert.deepEqual(percents(parse(text), 0), [101, 1000])
  refuses(text, 'shop.csv:1 column 2', '101', 'which --strict refuses', { isStrict: true })
  refuses('vm,second,cpu_percent\na,0,101\n', 'shop.csv:2 cpu_percent', '101', '--strict', { isStrict: true })
})

test('a VM without any value is left out, which is said', () => {
  const trace = parse('a,1,2\nb,,\nc,3,4\n')
  assert.deepEqual(trace.vmNames, ['a', 'c'])
  assert.deepEqual(percents(trace, 1), [3, 4])
  assert.deepEqual(trace.notes, ['1 VM without any CPU value was left out'])
})

test('gzip is read by its content, whatever the name', () => {
  for (const name of ['day.csv.gz', 'day.csv']) {
    writeFileSync(join(folder, name), gzipSync('a,1,2\n'))
    assert.deepEqual(percents(readTraceFile(join(folder, name)), 0), [1, 2])
  }
  const cut = gzipSync('a,1,2\n'.repeat(1000)).subarray(0, 30)
  writeFileSync(join(folder, 'cut.csv.gz'), cut)
  assert.throws(() => readTraceFile(join(folder, 'cut.csv.gz')), /cut short or damaged/)
})

test('one line tells the counts', () => {
  const { counts, stepMs } = parse('a,1,,3\nb,200,,\n')
  assert.equal(
    describeCounts('shop.csv', counts, stepMs),
    'trace shop.csv: 2 VMs, step 300 s, 3 samples, 1 gap, 1 above 100 %, 1 VM comes or goes',
  )
  const steady = parse('a,1\nb,2\n')
  assert.match(describeCounts('s', steady.counts, 1), /2 VMs, .* 2 samples, 0 gaps, 0 above 100 %, 0 VMs come or go$/)
})

test('seconds since 1970 are seconds: the trace begins at its first sample', () => {
  const trace = sampledAt([1_700_000_600, 1_700_000_000, 1_700_000_300])
  assert.deepEqual([trace.stepMs, trace.steps], [300_000, 3])
  assert.deepEqual(percents(trace, 0), [1, 2, 0])
})

test('one sample a day is the coarsest step', () => {
  assert.equal(sampledAt(every(86_400, 12)).stepMs, 86_400_000)
  assert.throws(() => sampledAt(every(86_401, 12)), /shop\.csv second: 86401 .*at most 86400 s/)
})

test('a long file shows its own step', () => {
  assert.equal(sampledAt(every(60, 5)).stepMs, 60_000)
  assert.equal(sampledAt(every(900, 12)).stepMs, 900_000)
  // Eleven seconds are too few to tell 900 s from 300 s with gaps: 10 x 900 / 300 + 1 = 31 steps, 20 of them gaps.
  const few = sampledAt(every(900, 11))
  assert.deepEqual([few.stepMs, few.steps, few.counts.gaps], [300_000, 31, 20])
  assert.equal(sampledAt([7]).steps, 1)
  // 0, 299 and 301 lie on no grid: the first two share a slot and are averaged, (0 + 1) / 2.
  const drifting = sampledAt([0, 299, 301])
  assert.deepEqual(percents(drifting, 0), [0.5, 2])
  assert.match(drifting.notes[0], /^3 rows /)
})

const BAD: readonly (readonly [what: string, text: string, place: string, value: string, remedy: string])[] = [
  ['empty file', '', 'shop.csv', 'an empty trace', 'No VM has a CPU value'],
  ['blank file', '\n\r\n', 'shop.csv', 'an empty trace', 'No VM has a CPU value'],
  ['header only', 'vm,second,cpu_percent\n', 'shop.csv', 'an empty trace', 'No VM has a CPU value'],
  ['no value at all', 'a,,\n', 'shop.csv', 'an empty trace', 'No VM has a CPU value'],
  ['name only', 'a\n', 'shop.csv:1', 'one cell', 'a name and at least one percentage'],
  ['unknown column', 'vm,second,cpu\na,0,1\n', 'shop.csv:1', '"cpu"', 'Unknown column'],
  ['missing column', 'vm,cpu_percent\na,1\n', 'shop.csv:1', '"vm,cpu_percent"', 'The column second is missing'],
  ['column twice', 'vm,second,second,cpu_percent\n', 'shop.csv:1', '"second"', 'twice'],
  ['another header', 'name,value\na,1\n', 'shop.csv:1', '"name,value"', 'no columns of a trace'],
  ['semicolons', 'a;1;2\n', 'shop.csv:1', '"a;1;2"', 'no columns of a trace'],
  ['not a number', 'a,1,2\nb,3,n/a\n', 'shop.csv:2 column 3', '"n/a"', 'Expected a percentage such as 37.5'],
  ['NaN', 'a,1,2\nb,NaN,3\n', 'shop.csv:2 column 2', '"NaN"', 'Leave the cell empty'],
  ['infinity', 'a,1,2\nb,1e999,3\n', 'shop.csv:2 column 2', '"1e999"', 'Expected a percentage'],
  ['negative', 'a,1,-0.5\n', 'shop.csv:1 column 3', '-0.5', "can't be negative"],
  ['above 1000 %', 'a,1,1000.1\n', 'shop.csv:1 column 3', '1000.1', 'Expected at most 1000 %'],
  ['short row', 'a,1,2\nb,1\n', 'shop.csv:2', '"1 value"', 'Expected 2 values'],
  ['long row', 'a,1,2\nb,1,2,3\n', 'shop.csv:2', 'more than 2 values', 'Expected 2 values'],
  ['duplicate VM', 'a,1\nb,2\na,3\n', 'shop.csv:3', '"a"', 'it stands on line 1 too'],
  ['no name', ',1\n', 'shop.csv:1', '""', 'name of its VM'],
  ['open quote', '"a,1\n', 'shop.csv:1', 'a,1', 'quote is not closed'],
  ['text after a quote', '"a"b,1\n', 'shop.csv:1', '"a"', 'after the quote'],
  ['long: not a number', 'vm,second,cpu_percent\na,0,x\n', 'shop.csv:2 cpu_percent', '"x"', 'Expected a percentage'],
  ['long: NaN', 'vm,second,cpu_percent\na,0,nan\n', 'shop.csv:2 cpu_percent', '"nan"', 'Leave the cell empty'],
  ['long: negative', 'vm,second,cpu_percent\na,0,-1\n', 'shop.csv:2 cpu_percent', '-1', "can't be negative"],
  ['long: above 1000 %', 'vm,second,cpu_percent\na,0,1200\n', 'shop.csv:2 cpu_percent', '1200', 'at most 1000 %'],
  ['long: bad second', 'vm,second,cpu_percent\na,1.5,1\n', 'shop.csv:2 second', '1.5', 'a whole number'],
  ['long: no second', 'vm,second,cpu_percent\na,,1\n', 'shop.csv:2 second', '""', 'a whole number'],
  ['long: negative second', 'vm,second,cpu_percent\na,-300,1\n', 'shop.csv:2 second', '-300', 'at least 0'],
  ['long: ms', 'vm,second,cpu_percent\na,1700000000000,1\n', 'shop.csv:2 second', '1700000000000', 'like milliseconds'],
  [
    'long: µs',
    'vm,second,cpu_percent\na,1700000000000000,1\n',
    'shop.csv:2 second',
    '1700000000000000',
    'like microsec',
  ],
  [
    'long: 1e15',
    'vm,second,cpu_percent\na,0,3\na,1e15,3\n',
    'shop.csv:3 second',
    '1000000000000000',
    'Expected seconds',
  ],
  [
    'long: a step of years',
    'vm,second,cpu_percent\na,0,3\na,1e9,3\n',
    'shop.csv second',
    '1000000000',
    '86400 s, one day',
  ],
  ['long: ms from 0', 'vm,second,cpu_percent\na,0,3\na,300000,3\n', 'shop.csv second', '300000', 'Divide milliseconds'],
  ['long: duplicate', 'vm,second,cpu_percent\na,0,1\nb,0,1\na,0,2\n', 'shop.csv:4', '"a, second 0"', 'line 2 too'],
  ['long: duplicate off grid', 'vm,second,cpu_percent\na,0,1\na,7,1\na,7,2\n', 'shop.csv:4', '"a, second 7"', 'line 3'],
  ['long: short row', 'vm,second,cpu_percent\na,0\n', 'shop.csv:2', '2 cells', 'as in the header'],
  ['long: long row', 'vm,second,cpu_percent\na,0,1,2\n', 'shop.csv:2', 'more than 3 cells', 'as in the header'],
  [
    'long: endless span',
    'vm,second,cpu_percent\na,0,1\na,300,1\na,90000000,2\n',
    'shop.csv',
    '300001',
    'at most 200000 steps',
  ],
  ['long: bad rate', 'vm,second,cpu_percent,net_rx_kBps\na,0,1,-4\n', 'shop.csv:2 net_rx_kBps', '-4', 'Expected kB/s'],
]

for (const [what, text, place, value, remedy] of BAD) {
  test(`refused with place, value and remedy: ${what}`, () => refuses(text, place, value, remedy))
}

test('a missing file is refused by its path, and a folder too', () => {
  const missing = join(folder, 'none.csv')
  assert.throws(
    () => readTraceFile(missing, { missingRemedy: 'Is it this?' }),
    (error) => {
      assert.ok(error instanceof ParseError)
      assert.ok(error.message.includes('none.csv'))
      assert.match(error.message, /There is no such file\. Is it this\?/)
      return true
    },
  )
  assert.throws(() => readTraceFile(folder), /This is a folder/)
})

test('what is written as wide CSV reads back the same', () => {
  const cell = fc.option(
    fc.integer({ min: 0, max: 10_000 }).map((n) => n / 10),
    { nil: null },
  )
  const tables = fc
    .integer({ min: 1, max: 8 })
    .chain((steps) => fc.array(fc.array(cell, { minLength: steps, maxLength: steps }), { minLength: 1, maxLength: 6 }))
    .filter((rows) => rows.every((row) => row.some((value) => value !== null)))
  checkProperty(
    fc.property(tables, (rows) => {
      const trace = parse(rows.map((row, i) => `vm ${i},${row.map((value) => value ?? '').join(',')}`).join('\n'))
      assert.deepEqual(
        trace.vmNames,
        rows.map((_, i) => `vm ${i}`),
      )
      rows.forEach((row, i) => assert.deepEqual(percents(trace, i), row))
    }),
  )
})

test('what is written as long CSV in any order reads back the same, every resource of it', () => {
  const value = fc.option(fc.integer({ min: 0, max: 1000 }), { nil: null })
  const names = Object.keys(LONG_COLUMNS)
  const sample = fc.record({
    vm: fc.integer({ min: 0, max: 4 }),
    step: fc.integer({ min: 0, max: 9 }),
    cpu: fc.integer({ min: 0, max: 1000 }),
    others: fc.tuple(value, value, value, value, value),
  })
  const samples = fc.uniqueArray(sample, { minLength: 1, maxLength: 30, selector: ({ vm, step }) => vm * 10 + step })
  checkProperty(
    fc.property(samples, (rows) => {
      const lines = rows.map(({ vm, step, cpu, others }) =>
        [`vm${vm}`, step * 300, cpu, ...others.map((other) => other ?? '')].join(','),
      )
      const trace = parse(`vm,second,${names.join(',')}\n${lines.join('\n')}\n`)
      const first = Math.min(...rows.map(({ step }) => step))
      assert.equal(trace.counts.samples, rows.length)
      for (const { vm, step, cpu, others } of rows) {
        const at = trace.vmNames.indexOf(`vm${vm}`) * trace.steps + step - first
        assert.equal(trace.columns.cpu[at], Math.fround(cpu / 100))
        names.slice(1).forEach((name, i) => {
          const scale = name === 'memory_percent' ? 0.01 : 1000
          const expected = others[i] === null ? Number.NaN : Math.fround((others[i] ?? 0) * scale)
          const got = trace.columns[LONG_COLUMNS[name]]?.[at] ?? Number.NaN
          assert.ok(Object.is(got, expected) || Math.abs(got - expected) < 1e-6, `${name}: ${got} for ${expected}`)
        })
      }
    }),
  )
})

test('random bytes and random damage end in a trace or in a typed error, never in a crash', () => {
  const alphabet = [...'ab,,,\n\n\r";-.0123456789e %NaN'.split(''), 'vm,second,cpu_percent\n', 'é', '\u0000']
  const texts = fc.array(fc.constantFrom(...alphabet), { maxLength: 60 }).map((parts) => parts.join(''))
  const long = texts.map((text) => `vm,second,cpu_percent,memory_percent\na,0,1,2\n${text}`)
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.oneof(texts, long).map((text) => new TextEncoder().encode(text)),
  )
  checkProperty(
    fc.property(bytes, (input) => {
      try {
        const trace = parseTraceCsv(input, 'fuzz.csv')
        assert.equal(trace.columns.cpu.length, trace.vmNames.length * trace.steps)
        assert.ok(trace.counts.samples > 0)
      } catch (error) {
        assert.ok(error instanceof ParseError, String(error))
      }
    }),
    { runs: 3000 },
  )
})

function sampledAt(seconds: readonly number[]): Trace {
  return parse(`vm,second,cpu_percent\n${seconds.map((second, i) => `a,${second},${i}`).join('\n')}\n`)
}

function every(stepSeconds: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => 1_700_000_000 + i * stepSeconds)
}

function refuses(text: string, place: string, value: string, remedy: string, options: CsvTraceOptions = {}): void {
  assert.throws(
    () => parse(text, options),
    (error) => {
      assert.ok(error instanceof ParseError, String(error))
      assert.equal(error.place, place)
      assert.ok(error.message.includes(value), `${error.message} lacks the value ${value}`)
      assert.ok(error.message.includes(remedy), `${error.message} lacks the remedy ${remedy}`)
      return true
    },
  )
}
