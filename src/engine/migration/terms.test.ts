import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../tools/property.ts'
import { readCostModelFile } from '../../drivers/traces/cost-model-file.ts'
import type { MoveFacts } from '../../terms/move-facts.ts'
import type { Refused } from '../../terms/ranking.ts'
import { GiB, MiB } from '../../terms/units.ts'
import { parseCostModel } from './cost-model-codec.ts'
import { type MovePromise, promiseMove } from './cost-model.ts'
import {
  CONVERGE_MIN_AUTOMATION,
  CONVERGE_MIN_PERSON,
  type MoveConsent,
  type MoveVerdict,
  type Promiser,
  termsOf,
  termsWithoutFacts,
  timeoutBySizeMs,
} from './terms.ts'

const MODEL = parseCostModel(readCostModelFile())
const byModel: Promiser = (facts) => promiseMove(MODEL, facts)

const AUTOMATION: MoveConsent = { by: 'automation', mayPostCopy: false }
const PERSON: MoveConsent = { by: 'person', mayPostCopy: false }

/** A guest of 256 MiB, of which 170 hold something, at rest on 500 Mbit/s. Mode and time allowed are for the verdict to decide. */
const GUEST: MoveFacts = {
  memoryMib: 256,
  linkMbitPerSec: 500,
  mode: 'precopy',
  downtimeLimitMs: 300,
  timeoutSec: 1,
  probeBytesPerSec: 59.78e6,
  dirtyMibPerSec: 0,
  dirtyWindowSec: 1,
  load1: 1,
  cpuMsPerSec: 150,
  residentMib: 254,
  unusedMib: 86,
}

/** The same, writing thirty times faster than its link takes. */
const WRITER = { ...GUEST, linkMbitPerSec: 20, probeBytesPerSec: 2.392e6, dirtyMibPerSec: 80, downtimeLimitMs: 30 }

/** Promises as told, by mode. */
function promising(odds: Partial<Record<MoveFacts['mode'], number>>, changes: Partial<MovePromise> = {}): Promiser {
  return ({ mode }) => ({
    totalMs: 10_000,
    downtimeMs: 200,
    bytesMib: 300,
    pConverge: odds[mode] ?? 0,
    totalMsRange: [9000, 12_000],
    downtimeMsRange: [100, 300],
    bytesMibRange: [290, 320],
    ...changes,
  })
}

function termsIn(verdict: MoveVerdict | Refused): MoveVerdict {
  if (verdict.kind === 'refused') throw new Error(verdict.reason)
  return verdict
}

function refusedIn(verdict: MoveVerdict | Refused): Refused {
  assert.ok(verdict.kind === 'refused')
  return verdict
}

function modeOf(odds: Parameters<typeof promising>[0], mayPostCopy = true): string {
  return termsIn(termsOf(GUEST, promising(odds), { by: 'automation', mayPostCopy })).terms.mode
}

function timeoutOf(upperMs: number): number {
  const promiser = promising({ precopy: 1 }, { totalMsRange: [1, upperMs] })
  return termsIn(termsOf(GUEST, promiser, AUTOMATION)).terms.timeoutMs
}

test('a guest at rest goes by pre-copy, in the time by size, with what the model promises', () => {
  const { terms, promise, facts } = termsIn(termsOf(GUEST, byModel, AUTOMATION))
  // 500 Mbit/s are 59.6 MiB/s; 256 MiB count as 2 GiB: 1600 s.
  assert.deepEqual(terms, { mode: 'precopy', bandwidthMibPerSec: 59, timeoutMs: 1_600_000, stalledMs: 150_000 })
  assert.equal(facts?.timeoutSec, 1600)
  assert.ok(promise !== undefined && promise.pConverge > 0.95)
  assert.ok(promise.copiedBytes > 150 * MiB && promise.copiedBytes < 200 * MiB)
})

test('one that writes faster than its link takes is refused, with the numbers', () => {
  const { lacking, shortBy, reason } = refusedIn(termsOf(WRITER, byModel, AUTOMATION))
  assert.equal(lacking, 'does-not-converge')
  assert.ok(shortBy > 0 && shortBy <= CONVERGE_MIN_AUTOMATION)
  assert.match(reason, /^Its copy would end within 1600 s with a chance of \d+ % by pre-copy, \d+ % by auto-converge;/)
  assert.match(reason, /automation needs 90 %\. It writes 80\.0 MiB\/s and the link carries 2\.3 MiB\/s/)
  assert.match(reason, /its owner's leave for post-copy would help\.$/)
})

test('where its owner allows post-copy, that one goes so', () => {
  assert.equal(termsIn(termsOf(WRITER, byModel, { ...AUTOMATION, mayPostCopy: true })).terms.mode, 'postcopy')
})

test('one that only a slowed guest can end is slowed', () => {
  const writer = { ...GUEST, linkMbitPerSec: 100, probeBytesPerSec: 11.96e6, dirtyMibPerSec: 40, downtimeLimitMs: 100 }
  assert.equal(termsIn(termsOf(writer, byModel, { ...AUTOMATION, mayPostCopy: true })).terms.mode, 'autoconverge')
})

test('the gentlest way that will surely do is taken', () => {
  assert.equal(modeOf({ precopy: 0.9, autoconverge: 1, postcopy: 1 }), 'precopy')
  assert.equal(modeOf({ precopy: 0.89, autoconverge: 0.95, postcopy: 1 }), 'autoconverge')
  assert.equal(modeOf({ precopy: 0.1, autoconverge: 0.2, postcopy: 1 }), 'postcopy')
  assert.equal(modeOf({ precopy: 0.1, autoconverge: 0.95, postcopy: 1 }, false), 'autoconverge')
})

test('a person may take an even chance, automation may not', () => {
  const promiser = promising({ precopy: 0.6, autoconverge: 0.79 })
  assert.equal(termsIn(termsOf(GUEST, promiser, PERSON)).terms.mode, 'autoconverge')
  const { shortBy } = refusedIn(termsOf(GUEST, promiser, AUTOMATION))
  assert.ok(Math.abs(shortBy - 0.11) < 1e-9)
  assert.match(refusedIn(termsOf(GUEST, promising({ precopy: 0.49 }), PERSON)).reason, /a person needs 50 %/)
})

test('time grows with memory, and with a promise that needs longer, by ten minutes at most', () => {
  assert.equal(timeoutBySizeMs(8 * GiB), 6_400_000)
  // 1.25 x 1,280 s are the 1,600 s that there are anyway.
  assert.equal(timeoutOf(1_280_000), 1_600_000)
  assert.equal(timeoutOf(1_400_000), 1_750_000)
  assert.equal(timeoutOf(9_000_000), 2_200_000)
})

test('a promise of more time is asked for with that time', () => {
  const asked: number[] = []
  const promiser: Promiser = (facts) => {
    asked.push(facts.timeoutSec)
    return promising({ precopy: 1 }, { totalMsRange: [1, 1_400_000] })(facts)
  }
  termsIn(termsOf(GUEST, promiser, AUTOMATION))
  assert.deepEqual(asked, [1600, 1750])
})

test('without a limit on the link none is set', () => {
  const { linkMbitPerSec: _, ...unlimited } = GUEST
  assert.ok(!('bandwidthMibPerSec' in termsIn(termsOf(unlimited, byModel, AUTOMATION)).terms))
})

test('of a VM that nobody knows enough of, nothing is promised, and automation leaves it', () => {
  const estimate = { copiedBytes: GiB, durationMs: 17_000, downtimeMs: 300, rounds: 2, converges: true }
  const vm = { memoryBytes: GiB }
  const { lacking, reason } = refusedIn(termsWithoutFacts(vm, estimate, AUTOMATION))
  assert.equal(lacking, 'does-not-converge')
  assert.match(reason, /by rounds it would take about 17 s and end\. A person may still order it/)
  const asked = termsIn(termsWithoutFacts(vm, estimate, PERSON))
  assert.deepEqual(asked, { kind: 'terms', terms: { mode: 'precopy', timeoutMs: 1_600_000, stalledMs: 150_000 } })
  const busy = termsIn(termsWithoutFacts(vm, { ...estimate, converges: false }, PERSON))
  assert.equal(busy.terms.mode, 'autoconverge')
})

test('whatever the facts: an end in bounded time, no chance below what is asked, never post-copy without leave', () => {
  const facts = fc.record({
    memoryMib: fc.integer({ min: 64, max: 262_144 }),
    linkMbitPerSec: fc.integer({ min: 10, max: 100_000 }),
    dirtyMibPerSec: fc.double({ min: 0, max: 4000, noNaN: true }),
    by: fc.constantFrom('automation' as const, 'person' as const),
    mayPostCopy: fc.boolean(),
  })
  checkProperty(
    fc.property(facts, ({ by, mayPostCopy, ...drawn }) => {
      const probeBytesPerSec = (drawn.linkMbitPerSec * 1e6) / 8
      const known = { ...GUEST, ...drawn, probeBytesPerSec, residentMib: drawn.memoryMib, unusedMib: 0 }
      const verdict = termsOf(known, byModel, { by, mayPostCopy })
      if (verdict.kind === 'refused') {
        assert.ok(verdict.shortBy > 0 && verdict.shortBy <= 1)
        return
      }
      const { terms, promise } = verdict
      const bar = by === 'automation' ? CONVERGE_MIN_AUTOMATION : CONVERGE_MIN_PERSON
      assert.ok((promise?.pConverge ?? 0) >= bar)
      assert.ok(terms.mode !== 'postcopy' || mayPostCopy)
      // L1: 800 s per GiB and ten minutes.
      assert.ok(terms.timeoutMs <= timeoutBySizeMs(drawn.memoryMib * MiB) + 600_000)
      assert.ok(terms.timeoutMs > 0 && terms.stalledMs === 150_000)
    }),
    { runs: 60 },
  )
})
