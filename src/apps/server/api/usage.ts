/** One VM's usage as an answer: columns, down-sampled, in JSON or CSV. */
import { RESOURCES, type Resource } from '../../../terms/sample.ts'
import type { EpochMs } from '../../../terms/units.ts'
import { SLOT_MS, type UsageSeries } from '../../../terms/usage.ts'
import { STEPS_WISHED, type UsageView } from '../views/vms.ts'
import { type Cell, csvOf } from './csv.ts'

/** Of the means and the highest. */
export const RESOURCE_UNITS: Readonly<Record<Resource, string>> = {
  cpu: 'reference cores',
  memory: 'bytes',
  diskRead: 'bytes/s',
  diskWrite: 'bytes/s',
  netReceive: 'bytes/s',
  netSend: 'bytes/s',
}

/** Whole slots; where nobody says how long, so that a plot is not too fine. */
export function chooseStep(span: { readonly from: EpochMs; readonly to: EpochMs }, wishedMs?: number): number {
  const wished = wishedMs ?? (span.to - span.from) / STEPS_WISHED
  return Math.max(1, Math.ceil(wished / SLOT_MS)) * SLOT_MS
}

/** The mean of the slots of each step that were measured, and the highest of them. Of a slot whose highest is not known, its mean counts
 *  where a step is longer than a slot: it is the highest of what is known. */
export function viewUsage(series: UsageSeries, stepMs: number): UsageView {
  const perStep = stepMs / SLOT_MS
  const steps = Math.ceil(series.slots / perStep)
  const resources: { -readonly [R in Resource]?: NonNullable<UsageView['resources'][R]> } = {}
  for (const resource of RESOURCES) {
    const mean = series.mean[resource]
    if (mean === undefined) continue
    const max = series.max[resource]
    const highest = perStep === 1 ? max : mean.map((m, i) => (Number.isNaN(max?.[i] ?? NaN) ? m : (max?.[i] ?? m)))
    resources[resource] = {
      unit: RESOURCE_UNITS[resource],
      mean: inSteps(mean, { steps, perStep }, averageOf),
      max: inSteps(highest ?? new Float32Array(series.slots).fill(NaN), { steps, perStep }, highestOf),
    }
  }
  return { vm: series.vmId, from: series.firstSlotAt, stepMs, steps, resources }
}

/** One row a step; a cell is empty where nobody measured. */
export function csvOfUsage({ vm, from, stepMs, steps, resources }: UsageView): string {
  const present = RESOURCES.filter((resource) => resources[resource] !== undefined)
  const names = [
    'vm',
    'at',
    ...present.flatMap((name) => [`${name} mean (${RESOURCE_UNITS[name]})`, `${name} max (${RESOURCE_UNITS[name]})`]),
  ]
  const rows: Cell[][] = []
  for (let step = 0; step < steps; step++) {
    const at = new Date(from + step * stepMs).toISOString()
    rows.push([vm, at, ...present.flatMap((name) => [resources[name]?.mean[step], resources[name]?.max[step]])])
  }
  return csvOf(names, rows)
}

function inSteps(
  column: Float32Array,
  { steps, perStep }: { readonly steps: number; readonly perStep: number },
  reduce: (values: Float32Array) => number,
): (number | null)[] {
  return Array.from({ length: steps }, (_, step) => {
    const values = column.subarray(step * perStep, (step + 1) * perStep).filter((number) => !Number.isNaN(number))
    return values.length === 0 ? null : reduce(values)
  })
}

function averageOf(values: Float32Array): number {
  let sum = 0
  for (const number of values) sum += number
  return sum / values.length
}

function highestOf(values: Float32Array): number {
  let highest = -Infinity
  for (const number of values) highest = Math.max(highest, number)
  return highest
}
