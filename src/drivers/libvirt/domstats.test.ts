import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ParseError } from '../../terms/parse.ts'
import { dimensionIndex } from '../../terms/personality.ts'
import { type Measure, MEASURES, type Reading } from '../../terms/reading.ts'
import { parseDomstats, readingBetween } from './domstats.ts'

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

test('a domain that was started anew in between has no reading', () => {
  const [was, is] = parseDomstats(RECORDING.replace('cpu.time=14000000000', 'cpu.time=1'), 'recording')
  assert.equal(readingBetween(was, is), undefined)
  assert.equal(readingBetween(is, is), undefined)
})

test('a counter that is missing at one of two looks is absent', () => {
  const [was, is] = parseDomstats(RECORDING.replace('  net.0.rx.bytes=100\n', ''), 'recording')
  assert.equal(measured(readingBetween(was, is)).netReceiveBytesPerSec, undefined)
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
