import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ParseError } from '../../terms/parse.ts'
import { dimensionIndex } from '../../terms/personality.ts'
import { type Measure, MEASURES, type Reading } from '../../terms/reading.ts'
import { domainStats, parseDomstats } from './domstats.ts'
import { readingBetween } from './domstats-reading.ts'

/** A domain of two CPUs with one disk and one card, five seconds apart. */
const RECORDING = `1000
Domain: 'web'
  state.state=1
  cpu.time=10000000000
  vcpu.current=2
  vcpu.0.delay=0
  vcpu.1.delay=0
  balloon.available=1000
  balloon.usable=400
  net.count=1
  net.0.name=vnet0
  net.0.rx.bytes=100
  block.count=1
  block.0.rd.reqs=10
  block.0.rd.bytes=4096
  block.0.rd.times=1000000
  block.0.wr.reqs=0
  block.0.wr.times=0
1005
Domain: 'web'
  state.state=1
  cpu.time=14000000000
  vcpu.current=2
  vcpu.0.delay=500000000
  vcpu.1.delay=500000000
  balloon.available=1000
  balloon.usable=300
  net.count=1
  net.0.rx.bytes=5100
  block.count=1
  block.0.rd.reqs=20
  block.0.rd.bytes=45056
  block.0.rd.times=21000000
  block.0.wr.reqs=0
  block.0.wr.times=0
`

function measured(reading: Reading | undefined): Partial<Record<Measure, number>> {
  assert.ok(reading !== undefined)
  const present = MEASURES.filter((measure) => Number.isFinite(reading.values[dimensionIndex(measure)]))
  return Object.fromEntries(present.map((measure) => [measure, reading.values[dimensionIndex(measure)]]))
}

test('what the host sees of a domain, and nothing that it does not', () => {
  const [was, is] = parseDomstats(RECORDING, 'recording')
  assert.deepEqual(measured(readingBetween(was, is)), {
    // 4 s ran and 1 s waited in 5 s.
    cpuRefCoresMean: 1,
    cpuStealShare: 0.2,
    memoryUsedBytes: 700 * 1024,
    diskReadBytesPerSec: 8192,
    diskReadOpsPerSec: 2,
    diskWriteOpsPerSec: 0,
    // 20 ms for 10 requests
    diskLatencyMs: 2,
    netReceiveBytesPerSec: 1000,
  })
})

test('of what a CPU waited only as much was wanted as it would have run', () => {
  // Of the second CPU nobody tells how long it ran: what it waited counts in full.
  const told = RECORDING.replace('  vcpu.0.delay=0\n', '  vcpu.0.delay=0\n  vcpu.0.time=0\n').replace(
    '  vcpu.0.delay=500000000\n',
    '  vcpu.0.delay=500000000\n  vcpu.0.time=900000000\n',
  )
  const [was, is] = parseDomstats(told, 'recording')
  // It ran 0.9 s of the 4.5 s that it did not wait, a fifth: of the 0.5 s that it waited 0.1 s. 4 s + 0.1 s + 0.5 s in 5 s.
  const { cpuRefCoresMean, cpuStealShare } = measured(readingBetween(was, is))
  assert.ok(Math.abs((cpuRefCoresMean ?? NaN) - 0.92) < 1e-9, `${cpuRefCoresMean}`)
  assert.equal(cpuStealShare, 0.2)
})

/** The recording, with what each of the two CPUs ran: 1 s and 2 s of the process's 4 s. */
function withCpuTimes(first = 3_000_000_000, second = 2_000_000_000): string {
  return RECORDING.replace(
    '  vcpu.0.delay=0\n',
    '  vcpu.0.delay=0\n  vcpu.0.time=2000000000\n  vcpu.1.time=0\n',
  ).replace('  vcpu.0.delay=500000000\n', `  vcpu.0.delay=500000000\n  vcpu.0.time=${first}\n  vcpu.1.time=${second}\n`)
}

/** Demand in cores and the share waited, to four places. */
function cpuOf(recording: string): readonly number[] {
  const [was, is] = parseDomstats(recording, 'recording')
  const { cpuRefCoresMean = NaN, cpuStealShare = NaN } = measured(readingBetween(was, is))
  return [cpuRefCoresMean, cpuStealShare].map((value) => Math.round(value * 1e4) / 1e4)
}

test('what QEMU works beside the CPUs of a VM counts up to half of what those ran: the rest is of a move', () => {
  // Half a second of each was waited in 5 s. 1 s and 2 s ran, of 4.5 s each: 2/9 and 4/9 of that is wanted, beside the process's 4 s.
  assert.deepEqual(cpuOf(withCpuTimes()), [0.8667, 0.2])
  // 0.5 s and 1.5 s ran: 3 s of the process's 4 count.
  assert.deepEqual(cpuOf(withCpuTimes(2_500_000_000, 1_500_000_000)), [0.6444, 0.25])
})

test('where the time of one of its CPUs is not told, or went back, the time of the process stands', () => {
  assert.deepEqual(cpuOf(withCpuTimes().replaceAll(/ {2}vcpu\.1\.time=\d+\n/g, '')), [0.9222, 0.2])
  assert.deepEqual(cpuOf(withCpuTimes(1_000_000_000)), [0.9444, 0.2])
  // One that was plugged in between.
  assert.deepEqual(cpuOf(withCpuTimes().replace('  vcpu.1.time=0\n', '')), [0.9222, 0.2])
})

test('what a process did while its guest was still on its way there is none of the guest', () => {
  for (const reason of [2, 11]) {
    const arriving = RECORDING.replace('  state.state=1\n', `  state.state=3\n  state.reason=${reason}\n`)
    const [was, is] = parseDomstats(arriving, 'recording')
    assert.equal(readingBetween(was, is), undefined)
  }
  // One that a person paused uses nothing, and that is measured.
  const [was, is] = parseDomstats(
    RECORDING.replace('  state.state=1\n', '  state.state=3\n  state.reason=1\n'),
    'recording',
  )
  assert.ok(readingBetween(was, is) !== undefined)
})

test('a domain that was started anew in between has no reading', () => {
  const [was, is] = parseDomstats(RECORDING.replace('cpu.time=14000000000', 'cpu.time=1'), 'recording')
  assert.equal(readingBetween(was, is), undefined)
  assert.equal(readingBetween(is, is), undefined)
})

test('a counter that is missing at one of two looks is absent', () => {
  const [was, is] = parseDomstats(RECORDING.replace('  net.0.rx.bytes=100\n', ''), 'recording')
  assert.equal(measured(readingBetween(was, is)).netReceiveBytesPerSec, undefined)
})

test('a part is not the whole: where one of two cards was plugged in between, the network is absent', () => {
  const plugged = RECORDING.replace(
    '  net.count=1\n  net.0.rx.bytes=5100',
    '  net.count=2\n  net.0.rx.bytes=5100\n  net.1.rx.bytes=7',
  )
  const [was, is] = parseDomstats(plugged, 'recording')
  assert.equal(measured(readingBetween(was, is)).netReceiveBytesPerSec, undefined)
})

test('a number that went to another device is no counter of it', () => {
  const moved = RECORDING.replace('  net.0.rx.bytes=5100', '  net.0.name=vnet7\n  net.0.rx.bytes=5100')
  const [was, is] = parseDomstats(moved, 'recording')
  assert.equal(measured(readingBetween(was, is)).netReceiveBytesPerSec, undefined)
})

test('the layers below a disk are not counted with it', () => {
  const layered = RECORDING.replaceAll(
    '  block.count=1\n',
    '  block.count=2\n  block.0.name=vda\n  block.1.name=vda\n  block.1.rd.reqs=1\n  block.1.rd.bytes=1\n',
  )
  const [was, is] = parseDomstats(layered, 'recording')
  assert.equal(measured(readingBetween(was, is)).diskReadBytesPerSec, 8192)
})

function dirty(status: number, start: number): string {
  return `  dirtyrate.calc_status=${status}\n  dirtyrate.calc_start_time=${start}\n  dirtyrate.megabytes_per_second=3\n`
}

function dirtied(first: string, second: string): number | undefined {
  const [was, is] = parseDomstats(look(1000, first) + look(1005, second), 'recording')
  return measured(readingBetween(was, is)).memoryDirtiedBytesPerSec
}

function used(toldAt: number): number | undefined {
  const [was, is] = parseDomstats(told(toldAt), 'recording')
  return measured(readingBetween(was, is)).memoryUsedBytes
}

/** A look at a domain that uses all of one CPU. */
function look(at: number, rest: string): string {
  return `${at}\nDomain: 'vm'\n  cpu.time=${at}000000000\n${rest}`
}

/** The recording, with the time at which the balloon told. */
function told(at: number): string {
  return RECORDING.replaceAll('  balloon.usable', `  balloon.last-update=${at}\n  balloon.usable`)
}

test('a dirty rate counts once, and not before it is measured', () => {
  assert.equal(dirtied(dirty(2, 1), dirty(2, 7)), 3 * 1024 * 1024)
  assert.equal(dirtied(dirty(2, 1), dirty(2, 1)), undefined)
  assert.equal(dirtied(dirty(2, 1), dirty(1, 7)), undefined)
})

test('what the balloon told ten minutes ago is not of now', () => {
  assert.equal(used(1000), 700 * 1024)
  assert.equal(used(405), undefined)
})

test('time is read in seconds, with their fraction, or in milliseconds, and notes are passed over', () => {
  for (const time of ['1763862586', '1763862586.000', '1763862586000000000'.slice(0, 13)])
    assert.equal(parseDomstats(`# made\n${time}\nDomain: 'a'\n`, 'recording')[0].at, 1_763_862_586_000)
})

test("the protocol's typed parameters are the same fields", () => {
  const parameters = [
    { field: 'state.state', value: 1 },
    { field: 'cpu.time', value: 14_000_000_000n },
    { field: 'net.count', value: 1 },
    { field: 'net.0.name', value: 'vnet0' },
    { field: 'net.0.rx.bytes', value: 5100n },
  ]
  const [was] = parseDomstats(RECORDING, 'recording')
  const is = domainStats('web', 1_005_000, parameters)
  assert.equal(is.texts.get('net.0.name'), 'vnet0')
  assert.equal(measured(readingBetween(was, is)).netReceiveBytesPerSec, 1000)
  // 4 s of CPU in 5 s, and no word of waiting.
  assert.equal(measured(readingBetween(was, is)).cpuRefCoresMean, 0.8)
  assert.equal(measured(readingBetween(was, is)).cpuStealShare, undefined)
})

test('a domain that is off has no reading, though libvirt tells its size', () => {
  const [was, is] = parseDomstats(RECORDING.replaceAll('state.state=1', 'state.state=5'), 'recording')
  assert.equal(readingBetween(was, is), undefined)
})

for (const [name, text] of [
  ['a domain without a time', "Domain: 'web'\n"],
  ['a field without a domain', '1000\n  cpu.time=1\n'],
  ['a domain without a name', '1000\nDomain: web\n'],
  ['what is no recording', 'hello\n'],
] as const) {
  test(`${name} is refused with its line`, () => {
    assert.throws(
      () => parseDomstats(text, 'recording'),
      (error) => error instanceof ParseError && error.message.startsWith('recording:'),
    )
  })
}

test('a hostile name and numbers that are none do no harm', () => {
  const [stats] = parseDomstats(
    "1000\nDomain: '__proto__'\n  cpu.time=NaN\n  constructor=1\n  vcpu.current=1e308\n  x=\n",
    'recording',
  )
  assert.deepEqual(
    [...stats.fields],
    [
      ['constructor', 1],
      ['vcpu.current', 1e308],
    ],
  )
})
