/** Loads that make balancers flap: 140 VMs of four cores on eight hosts, most of the room taken, and a shape of demand. */
import { vmSizeRefCores, type Vm } from '../../src/terms/vm.ts'
import { Luck } from '../../src/terms/luck.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/terms/units.ts'
import { aDemand, aVm, STEP_MS } from '../../src/simulator/builders.ts'
import type { DemandSeries } from '../../src/terms/trace.ts'
import { GiB } from '../../src/terms/units.ts'

export const VMS = 140
export const HOSTS = 8
/** VMs that vary as much as they can, where a shape is theirs: enough to push their host over the edge. */
const ATTACKERS = 4

/** Share of its own level that a VM wants at an instant. */
export type Shape = (vm: number, atMs: number, luck: Luck) => number

/** Of the time of a period the first half high, the second low; finer than a sample, what the sample's mean shows. */
export function square(periodMs: number): Shape {
  return (vm, atMs) => {
    if (vm >= ATTACKERS) return 1
    if (periodMs < 2 * STEP_MS) return 1.5 + 0.5 * Math.sin((2 * Math.PI * atMs) / periodMs)
    return atMs % periodMs < periodMs / 2 ? 3 : 0.1
  }
}

/** Every second host is high while the others are low, and the reverse: who balances what is, is always late. */
function seesaw(periodMs: number): Shape {
  return (vm, atMs) => (atMs % periodMs < periodMs / 2 === (vm % 2 === 0) ? 1.25 : 0.5)
}

function sawtooth(periodMs: number): Shape {
  return (vm, atMs) => (vm % 3 === 0 ? 0.4 + 1.4 * ((atMs % periodMs) / periodMs) : 1)
}

/** By name. Periods are in minutes. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  constant: () => 1,
  step: (vm, atMs) => (vm % 3 === 0 && atMs >= 10 * HOUR_MS ? 1.7 : 1),
  diurnal: (_, atMs) => 1 + 0.45 * Math.sin((2 * Math.PI * atMs) / DAY_MS),
  noise: (_vm, _at, luck) => 0.7 + 0.6 * luck.fraction(),
  'flash crowd': (vm, atMs) => (vm % 10 === 0 && atMs >= 9 * HOUR_MS && atMs < 10 * HOUR_MS ? 3 : 1),
  'sawtooth 120': sawtooth(2 * HOUR_MS),
  'seesaw 20': seesaw(20 * MINUTE_MS),
  'seesaw 60': seesaw(HOUR_MS),
  'seesaw 240': seesaw(4 * HOUR_MS),
  'seesaw 720': seesaw(12 * HOUR_MS),
  ...Object.fromEntries(
    [2, 5, 10, 20, 30, 60, 120, 240, 480, 720, 1440].map((minutes) => [
      `square ${minutes}`,
      square(minutes * MINUTE_MS),
    ]),
  ),
}

/** The demand of all VMs: each with a level of its own, so that hosts begin unlike, and the shape over it. */
export function demandOf(
  shape: Shape,
  { hours, seed }: { readonly hours: number; readonly seed: number },
): DemandSeries {
  const luck = new Luck(seed)
  const vms: Vm[] = Array.from({ length: VMS }, (_, v) => aVm(v, { vcpus: 4, memoryBytes: 4 * GiB }))
  const levels = vms.map((_, v) => (0.5 + luck.fraction()) * (v % HOSTS < 2 ? 1.9 : 1.05))
  const steps = (hours * HOUR_MS) / STEP_MS
  const rows = vms.map((vm, v) =>
    Array.from({ length: steps }, (_, k) => Math.min(vmSizeRefCores(vm), levels[v] * shape(v, k * STEP_MS, luck))),
  )
  return aDemand(rows, vms)
}
