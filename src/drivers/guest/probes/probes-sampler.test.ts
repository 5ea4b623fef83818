import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Measure } from '../../../terms/reading.ts'
import type { Machine } from '../machine.ts'
import { nodeMachine } from '../node-machine.ts'
import { aResult } from './builders.ts'
import { ProbesSampler } from './probes-sampler.ts'
import { encodeResults, type ProbeResults } from './results.ts'
import { PROBE_DEFAULTS } from './settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-sampler-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const FILE = join(folder, 'probes.json')

/** A guest whose clocks stand where they are put. */
function guest(text: string | undefined): {
  readonly clock: { now: number; monotonic: number }
  readonly sampler: ProbesSampler
  readonly look: () => Partial<Record<Measure, number>>
} {
  rmSync(FILE, { force: true })
  if (text !== undefined) writeFileSync(FILE, text)
  const clock = { now: 2000, monotonic: 0 }
  const machine: Machine = { ...nodeMachine(), now: () => clock.now, monotonicMs: () => clock.monotonic }
  const sampler = new ProbesSampler(machine, {
    settings: { ...PROBE_DEFAULTS, resultFile: FILE },
    attachesItself: false,
  })
  const look = () => {
    const put: Partial<Record<Measure, number>> = {}
    const into = { put: (measure: Measure, value: number) => void (put[measure] = value), detail: () => undefined }
    sampler.sample({ at: clock.now, monotonicMs: clock.monotonic, wantsDetails: true }, into)
    return put
  }
  return { clock, sampler, look }
}

function left(given: Partial<ProbeResults> = {}): string {
  return encodeResults(aResult(given))
}

test('what the helper counted is told, and what it did not is absent', () => {
  const { look, sampler } = guest(left())
  assert.deepEqual(look(), { systemCallsFilePerSec: 100, libraryCallsAllocatorPerSec: 7 })
  const findings = sampler.findings()
  assert.deepEqual(
    findings.map(({ what, state }) => [what, state]),
    [
      ['system calls', 'seen'],
      ['library calls', 'seen'],
    ],
  )
  // 6 s of 300 s
  assert.match(findings[0].because, /file; counted by bpftrace, all probes together attached 2\.0 % of the time/)
})

test('without a helper everything is absent, and what would open it is said', () => {
  const { look, sampler } = guest(undefined)
  assert.deepEqual(look(), {})
  const [finding] = sampler.findings()
  assert.deepEqual([finding.state, /no probe helper/.test(finding.because)], ['absent', true])
  assert.match(finding.remedy ?? '', /systemctl enable --now ethos-agent-probes\.timer/)
})

test('results of more than two periods ago are absent, by the clock that nobody sets', () => {
  const { look, clock } = guest(left())
  // 1 s old when first seen; 599 s later it is two periods of 300 s.
  look()
  clock.monotonic = 599_000
  clock.now = 9e12
  assert.equal(look().systemCallsFilePerSec, 100)
  clock.monotonic = 599_001
  assert.deepEqual(look(), {})
})

test('results that were old when the agent started are absent at once, and newer ones count', () => {
  const { look, clock, sampler } = guest(left())
  clock.now = 1000 + 600_001
  assert.deepEqual(look(), {})
  assert.match(sampler.findings()[0].because, /older than two rounds/)
  writeFileSync(FILE, left({ at: clock.now }))
  assert.equal(look().systemCallsFilePerSec, 100)
  rmSync(FILE)
  assert.deepEqual(look(), {}, 'a helper that was stopped took its file along')
})

test('results from the future, and rubbish, are refused and said to be', () => {
  const hostile: readonly (readonly [string, RegExp])[] = [
    [left({ at: 9e12 }), /a time that has not come/],
    ['rubbish', /is refused/],
    ['x'.repeat(100_000), /is refused/],
    [left().replace('100', '1e999'), /is refused/],
  ]
  for (const [text, because] of hostile) {
    const { look, sampler } = guest(text)
    assert.deepEqual(look(), {})
    assert.match(sampler.findings()[0].because, because)
  }
})

test('what could not be counted is told with its remedy', () => {
  const missing = [{ what: 'library calls' as const, because: 'no uprobes', remedy: 'another kernel' }]
  const { sampler } = guest(left({ rates: {}, missing }))
  assert.deepEqual(sampler.findings(), [
    { sampler: 'probes', what: 'library calls', state: 'absent', because: 'no uprobes', remedy: 'another kernel' },
  ])
})

test('a file that may not be read is said to be one', () => {
  const machine: Machine = { ...nodeMachine(), readText: () => undefined, access: () => 'denied' }
  const sampler = new ProbesSampler(machine, { settings: PROBE_DEFAULTS, attachesItself: false })
  assert.match(sampler.findings()[0].because, /may not be read: is this user in the group/)
})
