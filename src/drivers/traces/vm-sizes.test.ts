import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../tools/property.ts'
import { parseVmId } from '../../terms/ids.ts'
import { ParseError } from '../../terms/parse.ts'
import { GiB, MiB } from '../../terms/units.ts'
import { parseTraceCsv } from './csv-trace.ts'
import { demandSeries } from './demand-series.ts'
import { loadTrace } from './load-trace.ts'
import { resampleTrace } from './resample.ts'
import { cloudsimVms, parseVmSizes, safeVmIds, sizedVms } from './vm-sizes.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-sizes-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

test("CloudSim's VM types come in four blocks of ceil(n / 4), in file order", () => {
  // ceil(10 / 4) = 3: rows 0-2, 3-5, 6-8, and 9 alone.
  const vms = cloudsimVms(Array.from({ length: 10 }, (_, i) => `vm${i}`))
  assert.deepEqual(
    vms.map((vm) => vm.refCoresPerVcpu),
    [2.5, 2.5, 2.5, 2, 2, 2, 1, 1, 1, 0.5],
  )
  assert.deepEqual(
    [0, 3, 6, 9].map((i) => vms[i].memoryBytes / MiB),
    [870, 1740, 1740, 613],
  )
  assert.ok(vms.every((vm) => vm.vcpus === 1))
})

test('a size in cores becomes whole vCPUs that add up to it', () => {
  const [small, odd] = sizedVms(['a', 'b'], (name) => ({ cpuCores: name === 'a' ? 0.5 : 2.5, memoryBytes: GiB }))
  assert.deepEqual([small.vcpus, small.refCoresPerVcpu], [1, 0.5])
  assert.equal(odd.vcpus, 3)
  assert.equal(odd.vcpus * odd.refCoresPerVcpu, 2.5)
})

test('every name becomes an id, and no two the same', () => {
  assert.deepEqual(safeVmIds(['web 1', 'web_1', 'web"1', 'é']), ['web_1', 'web_1~2', 'web_1~3', '_'])
  checkProperty(
    fc.property(
      fc.array(fc.oneof(fc.string({ maxLength: 80 }), fc.constantFrom('a b', 'a_b', 'x'.repeat(90)))),
      (names) => {
        const ids = safeVmIds(names)
        assert.equal(new Set(ids).size, names.length)
        for (const id of ids) assert.equal(parseVmId(id), id)
      },
    ),
  )
})

test('--vms gives sizes, in any order of columns; who is not in it has the default, which is said', () => {
  const trace = write('t.csv', 'a,50\nb,50\n')
  const vmsFile = write('vms.csv', 'memory_mb,vm,cpu_cores\r\n2048,a,4\r\n')
  const { vms, trace: read } = loadTrace({ trace, vmsFile })
  assert.deepEqual([vms[0].vcpus, vms[0].memoryBytes], [4, 2 * GiB])
  assert.deepEqual([vms[1].vcpus, vms[1].memoryBytes], [2, 4 * GiB])
  assert.deepEqual(read.notes, ['1 VM is not in vms.csv: taken to have 2 cores and 4096 MB'])
})

test('without --vms the default size is stated, and with CloudSim hosts it is CloudSim types', () => {
  const trace = write('plain.csv', 'a,50\nb,50\n')
  assert.match(loadTrace({ trace }).trace.notes[0], /every VM is taken to have 2 cores and 4096 MB/)
  const cloudsim = loadTrace({ trace, isCloudsim: true })
  assert.deepEqual(
    cloudsim.vms.map((vm) => vm.refCoresPerVcpu),
    [2.5, 2],
  )
  assert.deepEqual(cloudsim.trace.notes, [])
})

for (const [what, text, place, remedy] of [
  ['empty', '', 'vms.csv', /Expected the header vm,cpu_cores,memory_mb/],
  ['wrong columns', 'vm,cores,memory_mb\n', 'vms.csv:1', /Expected the header/],
  ['not a number', 'vm,cpu_cores,memory_mb\na,x,1\n', 'vms.csv:2 cpu_cores', /from 0.01 to 4096/],
  ['empty cell', 'vm,cpu_cores,memory_mb\na,1,\n', 'vms.csv:2 memory_mb', /from 1 to/],
  ['zero cores', 'vm,cpu_cores,memory_mb\na,0,1\n', 'vms.csv:2 cpu_cores', /from 0.01/],
  ['short row', 'vm,cpu_cores,memory_mb\na,1\n', 'vms.csv:2', /Expected the header/],
  ['long row', 'vm,cpu_cores,memory_mb\na,1,1,1\n', 'vms.csv:2', /Expected the header/],
  ['VM twice', 'vm,cpu_cores,memory_mb\na,1,1\na,2,2\n', 'vms.csv:3', /Keep one/],
] as const) {
  test(`VM sizes refused with place and remedy: ${what}`, () => {
    assert.throws(
      () => parseVmSizes(bytes(text), 'vms.csv'),
      (error) => error instanceof ParseError && error.place === place && remedy.test(error.message),
    )
  })
}

test('sizes of other VMs than those of the trace are refused', () => {
  const request = { trace: write('u.csv', 'a,1\n'), vmsFile: write('other.csv', 'vm,cpu_cores,memory_mb\nz,1,1\n') }
  const says = /other\.csv: "z" is not usable\. None of its VMs is in the trace u\.csv, which has /
  assert.throws(() => loadTrace(request), new RegExp(`${says.source}"a"\\.$`))
  const many = write('many.csv', 'a,1\nb,1\nc,1\nd,1\n')
  assert.throws(() => loadTrace({ ...request, trace: many }), /the trace many\.csv, which has "a", "b", "c", \.\.\.\.$/)
})

test('demand is step-major in physical units: shares times the size, rates as they are, absent as absent', () => {
  const trace = parseTraceCsv(
    bytes('vm,second,cpu_percent,memory_percent,disk_read_kBps\na,0,50,25,4\na,300,150,,\nb,300,10,100,1\n'),
    'd.csv',
  )
  const sizes = [
    { cpuCores: 4, memoryBytes: 8 * GiB },
    { cpuCores: 2.5, memoryBytes: GiB },
  ]
  const series = demandSeries(
    trace,
    sizedVms(trace.vmNames, (_, row) => sizes[row]),
  )
  // a: 50 % of 4 cores = 2, then 150 % = 6; b: absent, then 10 % of 2.5.
  assert.deepEqual([...series.columns.cpu], [2, Number.NaN, 6, 0.25])
  assert.deepEqual([...(series.columns.memory ?? [])], [2 * GiB, Number.NaN, Number.NaN, GiB])
  assert.deepEqual([...(series.columns.diskRead ?? [])], [4000, Number.NaN, Number.NaN, 1000])
  assert.deepEqual(
    [[...series.firstStep], [...series.lastStep]],
    [
      [0, 1],
      [1, 1],
    ],
  )
})

test('a resampled trace keeps its rows and adds copies turned around in time, the same by the same seed', () => {
  const trace = parseTraceCsv(bytes('a,1,2,3,4\nb,5,6,7,8\n'), 'r.csv')
  const drawn = resampleTrace(trace, 7, 3)
  assert.deepEqual(drawn.trace.vmNames.slice(0, 2), ['a', 'b'])
  assert.deepEqual(drawn.trace.columns.cpu.subarray(0, 8), trace.columns.cpu)
  for (let row = 2; row < 7; row++) {
    const values = [...drawn.trace.columns.cpu.subarray(row * 4, row * 4 + 4)]
    const source = [...trace.columns.cpu.subarray(drawn.source[row] * 4, drawn.source[row] * 4 + 4)]
    const turn = source.indexOf(values[0])
    assert.deepEqual(values, [...source.slice(turn), ...source.slice(0, turn)])
  }
  assert.deepEqual(resampleTrace(trace, 7, 3), drawn)
  assert.equal(drawn.trace.counts.vms, 7)
  assert.match(resampleTrace(trace, 3, 3).trace.notes[0], /1 of the 3 VMs is a copy of one of the first 2, shifted/)
  assert.match(drawn.trace.notes[0], /5 of the 7 VMs are copies of the first 2, shifted in time by seed 3/)
})
