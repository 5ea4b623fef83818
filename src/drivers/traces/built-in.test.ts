import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { NEEDS_DATA } from '../../../tools/tally.ts'
import { ParseError } from '../../terms/parse.ts'
import { GiB } from '../../terms/units.ts'
import { AZURE_VM_COUNT_MAX, readAzure, readFlavours } from './azure.ts'
import { countArrivals, flavourAt, parseFlavourMap } from './azure-flavours.ts'
import { dataFile, findDataFolder } from './data-folder.ts'
import { loadTrace } from './load-trace.ts'
import { planetlabDays } from './planetlab.ts'
import { syntheticColumns } from './synthetic.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-data-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('an Azure day is the 124 VMs, then other days of the same VMs, and says so', () => {
  const { trace, vms } = readAzure({ vmCount: 130 })
  assert.deepEqual([trace.name, trace.steps, vms.length], ['azure/3', 288, 130])
  assert.equal(trace.vmNames[0], 'azure-m223811-d03')
  assert.equal(trace.vmNames[124], 'azure-m223811-d04')
  assert.equal(new Set(trace.vmNames).size, 130)
  const nextDay = readAzure({ days: '4', vmCount: 1 }).trace
  assert.deepEqual(trace.columns.cpu.subarray(124 * 288, 125 * 288), nextDay.columns.cpu)
  const onlyOne = readAzure({ vmCount: 125 }).trace.notes
  assert.ok(onlyOne.includes('1 of the 125 VMs is another day of one of the same 124 VMs'))
  assert.ok(trace.notes.includes('6 of the 130 VMs are other days of the same 124 VMs'))
  assert.deepEqual(trace.synthetic, ['memory', 'diskRead', 'diskWrite', 'netReceive', 'netSend'])
  assert.deepEqual(trace.counts, { vms: 130, samples: 130 * 288, gaps: 0, above100: 0, comeAndGo: 0 })
})

test('sizes depend on the VM and the seed alone, and the synthetic series too', () => {
  const [few, many, later] = [
    readAzure({ vmCount: 10 }),
    readAzure({ vmCount: 200 }),
    readAzure({ vmCount: 10, days: '9' }),
  ]
  const sizes = ({ vms }: typeof few): string =>
    vms
      .slice(0, 10)
      .map((vm) => `${vm.vcpus}/${vm.memoryBytes}`)
      .join(' ')
  assert.equal(sizes(few), sizes(many))
  assert.equal(sizes(few), sizes(later))
  assert.notEqual(sizes(few), sizes(readAzure({ vmCount: 10, seed: 2 })))
  const memory = few.trace.columns.memory ?? new Float32Array()
  assert.deepEqual(many.trace.columns.memory?.subarray(0, memory.length), memory)
})

test('several days follow one another; on day 27 the recording of 70 VMs ends', () => {
  const days = readAzure({ days: '2-4', vmCount: 3 }).trace
  assert.deepEqual([days.name, days.steps], ['azure/2-4', 864])
  assert.deepEqual(days.columns.cpu.subarray(288, 576), readAzure({ days: '3', vmCount: 1 }).trace.columns.cpu)
  // 8,004 slots - 27 x 288 = 228 slots of 300 s: 19 hours.
  const last = readAzure({ days: '27', vmCount: 124 }).trace
  assert.deepEqual(last.counts, { vms: 124, samples: 70 * 228 + 54 * 288, gaps: 0, above100: 0, comeAndGo: 70 })
})

test('days and numbers of VMs that Azure does not have are refused', () => {
  assert.throws(
    () => readAzure({ days: '28' }),
    /^ParseError: --trace: "azure\/28" is not usable\. Expected a day from/,
  )
  for (const typed of ['azure/99', 'azure/3-2', 'azure-max/28', 'azure/', 'bitbrains/30', 'bitbrains/x', 'planetlab/1'])
    assert.throws(() => loadTrace({ trace: typed, dataFolder: folder }), namesTyped(typed))
  assert.throws(() => readAzure({ vmCount: AZURE_VM_COUNT_MAX + 1 }), /number of VMs: 3349 is not usable/)
})

test('what is no trace is named as it was typed, with those there are', () => {
  const remedy = 'Expected planetlab/YYYYMMDD, azure, azure-max, bitbrains, or the path of a .csv or .csv.gz file.'
  for (const typed of ['nope', 'Azure', 'azure/3/4', 'azure-min/3'])
    assert.throws(() => loadTrace({ trace: typed }), { message: `--trace: "${typed}" is not usable. ${remedy}` })
  assert.throws(() => loadTrace({ trace: 'nope.csv' }), {
    message: `file: "nope.csv" is not usable. There is no such file. ${remedy}`,
  })
  writeFileSync(join(folder, 'day.txt'), 'a,1\n')
  assert.equal(loadTrace({ trace: join(folder, 'day.txt') }).trace.name, 'day.txt')
})

test('Bitbrains has 350 VMs and no copies', () => {
  const remedy = 'Bitbrains has 350 VMs, of which no copies are made. Expected a whole number from 1 to 350.'
  assert.throws(() => loadTrace({ trace: 'bitbrains', vmCount: 351, dataFolder: folder }), {
    message: `number of VMs: 351 is not usable. ${remedy}`,
  })
})

test('flavours are drawn as they arrived', () => {
  const sizes = parseFlavourMap('1,0.75 a\n2,3.5 b\n', 'flav_map.txt')
  assert.deepEqual(sizes.get('a'), { cpuCores: 1, memoryBytes: 0.75 * GiB })
  assert.deepEqual(
    [...countArrivals('300 a,b,|,b,|,\n600 b,|,\n')],
    [
      ['a', 1],
      ['b', 3],
    ],
  )
  const flavours = [...sizes].map(([letter, size], i) => ({ letter, size, arrivals: i === 0 ? 1 : 3 }))
  // One of four arrivals is an a: fractions below 0.25.
  assert.deepEqual(
    [0, 0.249, 0.25, 0.999].map((fraction) => flavourAt(flavours, fraction).letter),
    ['a', 'a', 'b', 'b'],
  )
  assert.equal(
    readFlavours().reduce((sum, { arrivals }) => sum + arrivals, 0),
    1_200_998,
  )
})

test('synthetic series keep within bounds, are absent where the CPU is, and follow it', () => {
  const cpu = Float32Array.from({ length: 2000 }, (_, i) => (i % 100 === 7 ? Number.NaN : i % 2 === 0 ? 0.02 : 0.8))
  const columns = syntheticColumns({ keys: ['a'], steps: 2000, cpu }, 1)
  for (const [resource, column] of Object.entries(columns)) {
    column.forEach((value, i) => assert.equal(Number.isNaN(value), Number.isNaN(cpu[i]), `${resource} at ${i}`))
    if (resource === 'memory') continue
    let [low, high] = [0, 0]
    column.forEach((value, i) => (cpu[i] < 0.1 ? (low += value) : cpu[i] > 0.1 && (high += value)))
    // sqrt(0.805 / 0.025) = 5.7 times as much at the busy steps, noise aside.
    assert.ok(high > 3 * low && high < 10 * low, `${resource}: ${high / low}`)
  }
  columns.memory?.forEach((share) => assert.ok(Number.isNaN(share) || (share >= 0.02 && share <= 0.98)))
})

test('the data folder is --data, else ETHOS_DATA, else ./data; one that was named must exist', () => {
  const [named, other] = ['named', 'work/data'].map((name) => join(folder, name))
  mkdirSync(named, { recursive: true })
  mkdirSync(other, { recursive: true })
  const workingFolder = join(folder, 'work')
  assert.equal(findDataFolder({ option: named, environment: { ETHOS_DATA: other }, workingFolder }), named)
  assert.equal(findDataFolder({ environment: { ETHOS_DATA: named }, workingFolder }), named)
  assert.equal(findDataFolder({ environment: {}, workingFolder }), other)
  assert.throws(() => findDataFolder({ option: join(folder, 'no') }), /--data: .*There is no such folder/)
  assert.throws(() => findDataFolder({ environment: { ETHOS_DATA: 'no/where' } }), /ETHOS_DATA: "no\/where"/)
})

test('a PlanetLab day is read from the data folder; a missing one says which there are and where to get others', () => {
  mkdirSync(join(folder, 'planetlab'))
  writeFileSync(join(folder, 'planetlab', '20110303.csv.gz'), gzipSync('a b,1,2\nc,3,4\n'))
  const { trace, vms } = loadTrace({ trace: 'planetlab/20110303', dataFolder: folder, isCloudsim: true })
  assert.deepEqual([trace.name, trace.vmNames, vms[0].id], ['planetlab/20110303', ['a b', 'c'], 'a_b'])
  const missing = { trace: 'planetlab/20110304', dataFolder: folder }
  assert.throws(() => loadTrace(missing), /20110304\.csv\.gz".*there are 20110303\. .*github\.com\/beloglazov/)
  assert.throws(
    () => loadTrace({ trace: 'planetlab/today', dataFolder: folder }),
    /"planetlab\/today".*such as planetlab/,
  )
  assert.throws(() => loadTrace({ trace: 'bitbrains', dataFolder: folder }), /vms\.csv".*Grid Workloads Archive/)
  assert.throws(() => dataFile(undefined, 'planetlab/1.csv', 'planetlab'), /There is no data folder/)
})

const data = findDataFolder()
const hasPlanetlab = planetlabDays(data).includes('20110303')
const hasBitbrains = data !== undefined && hasFile(data, 'bitbrains_rnd_2013_08/vms.csv')

/** VMs of each day, as the data's own description tells. */
const PLANETLAB_VMS: Readonly<Record<string, number>> = {
  20110303: 1052,
  20110306: 898,
  20110309: 1061,
  20110322: 1516,
  20110325: 1078,
}

test(`${NEEDS_DATA} every PlanetLab day has its VMs, 288 steps each, without a gap`, { skip: !hasPlanetlab }, () => {
  for (const day of planetlabDays(data).filter((name) => name in PLANETLAB_VMS)) {
    const { trace, vms } = loadTrace({ trace: `planetlab/${day}`, isCloudsim: true })
    const expected = PLANETLAB_VMS[day]
    assert.deepEqual([trace.counts.vms, trace.steps, trace.counts.samples], [expected, 288, expected * 288])
    assert.deepEqual([trace.counts.gaps, trace.counts.above100], [0, 0])
    assert.equal(new Set(vms.map((vm) => vm.id)).size, expected)
  }
})

test(`${NEEDS_DATA} a Bitbrains day has every resource, real sizes and the gaps it was recorded with`, {
  skip: !hasBitbrains,
}, () => {
  const { trace, vms } = loadTrace({ trace: 'bitbrains' })
  assert.deepEqual(Object.keys(trace.columns).length, 6)
  assert.deepEqual(trace.synthetic, [])
  assert.deepEqual([trace.counts.vms, trace.counts.gaps], [350, 11])
  // Row 0 of vms.csv: one core of 2,600 MHz, 702,948 KiB.
  assert.deepEqual(vms[0], { id: 'bitbrains-3', vcpus: 1, refCoresPerVcpu: 1, memoryBytes: 702_948 * 1024 })
  assert.throws(() => loadTrace({ trace: 'bitbrains', isStrict: true }), /over 100 %, which --strict refuses/)
})

function namesTyped(typed: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof ParseError && error.message.startsWith(`--trace: "${typed}" is not usable. Expected a day `)
}

function hasFile(dataFolder: string, file: string): boolean {
  try {
    dataFile(dataFolder, file, 'bitbrains')
    return true
  } catch {
    return false
  }
}
