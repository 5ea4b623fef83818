/** What is written into a store by those who kill it, tear it, and fill its disk: step `n` is the same for all of them, so that what is there can be told. */
import assert from 'node:assert/strict'
import { hashPair } from '../../src/terms/luck.ts'
import type { VmId } from '../../src/terms/ids.ts'
import { DIMENSIONS, MASK_BYTES, type PersonalityVector } from '../../src/terms/personality.ts'
import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS } from '../../src/terms/units.ts'
import { SLOT_MS } from '../../src/terms/usage.ts'
import { type SiteStore } from '../../src/world/site-store.ts'

export const LOAD_VMS = 8
/** Time between two steps, so that days pass and are packed. */
const STEP_MS = 10 * MINUTE_MS
const START: EpochMs = 20_000 * DAY_MS
/** Vectors of so long are looked for: what is older is thinned out by the rule. */
const FULL_MS = 40 * HOUR_MS

const vms = Array.from({ length: LOAD_VMS }, (_, i) => `vm-${i}` as VmId)

/** Instant of a step. */
export function stepAt(step: number): EpochMs {
  return START + step * STEP_MS
}

export async function letLoadIn(store: SiteStore): Promise<void> {
  for (const vm of vms) await store.identities.certify(vm, START, START + 9999 * DAY_MS)
}

/** A vector of each VM, a slot of each, a line: asked for together, as requests come together. Resolves once all are acknowledged. */
export async function writeStep(store: SiteStore, step: number): Promise<void> {
  const at = stepAt(step)
  const [intakes] = await Promise.all([
    store.vectors.take(vms.map((vm, i) => ({ vm, at, vectors: [vectorOf(i, step)], isClockOff: [false], counts: {} }))),
    store.journal.append(lineOf(step), at),
    store.usage.put(vms.map((vmId, i) => ({ vmId, slotAt: at, mean: { cpu: cpuOf(i, step) }, max: {} }))),
  ])
  for (const intake of intakes) assert.deepEqual(intake, { kind: 'heard', outcomes: ['accepted'] })
}

/** How many steps the store holds: from the first on without a hole. Throws where one is missing or half there. */
export async function countSteps(store: SiteStore): Promise<number> {
  const [last] = await store.journal.last(1)
  const steps = last?.number ?? 0
  const verified = await store.journal.verify()
  assert.deepEqual(verified, { kind: 'whole', lines: steps })
  for (const { number, line } of await store.journal.from(Math.max(1, steps - 500), 501))
    assert.equal(line, lineOf(number - 1))
  const from = Math.max(START, stepAt(steps - 1) - FULL_MS)
  const expected = Array.from({ length: steps }, (_, step) => step).filter((step) => stepAt(step) >= from)
  for (const [i, vm] of vms.entries()) {
    const history = await store.vectors.history(vm, { from, to: Infinity, most: 10_000 })
    assert.deepEqual(
      history.map(({ vector }) => vector),
      expected.map((step) => vectorOf(i, step)),
      `${vm}: not the vectors of ${expected.length} steps`,
    )
  }
  await usageIsThere(store, steps)
  return steps
}

/** Of the last week, packed or not. */
async function usageIsThere(store: SiteStore, steps: number): Promise<void> {
  const first = Math.max(0, steps - 1008)
  const all = await store.usage.seriesOf(vms, { from: stepAt(first), to: stepAt(steps) })
  all.forEach(({ mean }, i) => {
    for (let step = first; step < steps; step++) {
      const told = mean.cpu?.[((step - first) * STEP_MS) / SLOT_MS] ?? Number.NaN
      assert.ok(Math.abs(told / cpuOf(i, step) - 1) <= 0.001, `${vms[i]}: ${told} in step ${step}`)
    }
  })
}

function lineOf(step: number): string {
  return JSON.stringify({ step, digest: hashPair(step, 7), text: 'x'.repeat(hashPair(step, 8) % 3000) })
}

function cpuOf(vm: number, step: number): number {
  return 0.5 + (hashPair(vm, step) % 1000) / 100
}

function vectorOf(vm: number, step: number): PersonalityVector {
  return {
    vmId: vms[vm],
    sender: 'load',
    sequence: step,
    windowEnd: stepAt(step),
    windowMs: SLOT_MS,
    coverage: 1,
    phases: 0,
    values: Float32Array.from({ length: DIMENSIONS }, (_, i) => hashPair(step, i + vm * 100) % 10_000),
    mask: new Uint8Array(MASK_BYTES).fill(255),
  }
}
