/** The clairvoyant's three moves: lay all out on few hosts, empty one host more, relieve one that would overflow. */
import type { MoveClass } from '../terms/move.ts'
import type { Fraction } from '../terms/units.ts'
import type { Packing } from './oracle-packing.ts'

/** A VM that was moved within the packing. */
export interface Shift {
  readonly vm: number
  readonly from: number
  readonly to: number
  readonly class: MoveClass
  readonly reason: string
}

/** How much the mean demand counts beside the peak when VMs are sorted for packing. Each is tried: none is best always.
 *  On PlanetLab's 20110303 with a day's foresight, 0 leaves 52 hosts, 1 leaves 51, 2 leaves 50 and 5 leaves 51. */
const MEAN_WEIGHTS = [2, 1, 4]

/** How far beyond its best load a host may be filled on average: 0 is not at all, 1 is to full load. A host past its
 *  best may still draw less than two below it, so each is tried and the least watts win. */
const STRETCHES: readonly Fraction[] = [0, 0.5, 1]

/** Lays all VMs out on as few of the used hosts as will hold them: the most efficient kept, and among equals those with
 *  most VMs, whose VMs then need no move. */
export function keepFewestHosts(packing: Packing): Shift[] {
  const order = keepOrder(packing)
  let best: Shift[] = []
  let bestWatts = wattsOf(packing)
  for (const stretch of stretchesFor(packing, order)) {
    const shifts = fewestWithin(packing, order, stretch)
    const watts = wattsOf(packing)
    if (watts < bestWatts) {
      best = shifts
      bestWatts = watts
    }
    undoAll(packing, shifts)
  }
  for (const { vm, to } of best) packing.move(vm, to)
  freeze(packing, best)
  return best
}

/** How few hosts will do is found by halving. */
function fewestWithin(packing: Packing, order: readonly number[], stretch: Fraction): Shift[] {
  let fails = 0
  let holds = order.length
  while (holds - fails > 1) {
    const middle = (fails + holds) >>> 1
    const shifts = tryKeeping(packing, order, middle, stretch)
    if (shifts === undefined) fails = middle
    else {
      undoAll(packing, shifts)
      holds = middle
    }
  }
  return tryKeeping(packing, order, holds, stretch) ?? []
}

function stretchesFor(packing: Packing, hosts: readonly number[]): readonly Fraction[] {
  return hosts.every((host) => packing.bestLoadOf[host] === 1) ? [0] : STRETCHES
}

/** Empties hosts one after another, the one with fewest VMs first, while their VMs find room on the others and the
 *  energy saved within the window is worth the moves. */
export function emptyHosts(
  packing: Packing,
  worth: { readonly joulesPerMove: number; readonly stepMs: number },
): Shift[] {
  const done: Shift[] = []
  const used = usedHosts(packing).sort((a, b) => packing.vmsOn[a].length - packing.vmsOn[b].length || a - b)
  const watts = Float64Array.from(packing.vmsOn, (vms, host) => (vms.length > 0 ? packing.meanWatts(host) : 0))
  const seconds = (packing.width * worth.stepMs) / 1000
  for (const host of used) {
    const vms = [...packing.vmsOn[host]]
    if (isStuck(packing, host) || watts[host] * seconds < worth.joulesPerMove * vms.length) continue
    const targets = used.filter((other) => other !== host && packing.vmsOn[other].length > 0)
    const how = { meanWeight: MEAN_WEIGHTS[0], reason: '' }
    const shifts =
      placeAll(packing, vms, targets, { ...how, stretch: 0 }) ?? placeAll(packing, vms, targets, { ...how, stretch: 1 })
    if (shifts === undefined) continue
    const touched = [...new Set(shifts.map(({ to }) => to))]
    const savedWatts = touched.reduce((saved, to) => saved + watts[to] - packing.meanWatts(to), watts[host])
    const joulesPerMove = (savedWatts * seconds) / vms.length
    if (joulesPerMove < worth.joulesPerMove) {
      undoAll(packing, shifts)
      continue
    }
    freeze(packing, shifts)
    for (const to of touched) watts[to] = packing.meanWatts(to)
    const reason =
      `${packing.nameOf(host)} is emptied: its ${vms.length} VMs fit elsewhere ` +
      `in all ${packing.width} samples foreseen, which saves ${(joulesPerMove / 1000).toFixed(1)} kJ a move.`
    done.push(...shifts.map((shift) => ({ ...shift, reason })))
  }
  return done
}

/** Moves VMs off hosts that would overflow before the next turn's moves could help. `leadOf` says how many samples that
 *  is. Later overflow waits: by then the future reaches further, and the target can be chosen better. */
export function relieveHosts(packing: Packing, leadOf: (host: number) => number): Shift[] {
  const shifts: Shift[] = []
  for (const host of usedHosts(packing)) {
    const lead = Math.min(leadOf(host), packing.width)
    for (let left = packing.vmsOn[host].length; left > 0 && packing.overflowAt(host) < lead; left--) {
      const shift = reliefOf(packing, host, lead)
      if (shift === undefined) break
      packing.move(shift.vm, shift.to)
      freeze(packing, [shift])
      shifts.push(shift)
    }
  }
  return shifts
}

/** A target without room for the whole window will do for a relief if it holds this many samples: a host switched on
 *  costs more than a further move. On PlanetLab's 20110303 with an hour's foresight: 3 gives 134.7 kWh with 1,806
 *  moves, the whole hour 135.6 with 1,937. */
const CLEAN_STEPS_MIN = 3

/** The VM whose leaving keeps the host from overflowing longest, the least demanding of equals, to the first that will
 *  do of: a used host with room throughout, a used host with room for a while, a fresh host. */
function reliefOf(packing: Packing, host: number, lead: number): Shift | undefined {
  const leaving = leavingOrder(packing, host, lead)
  const used = usedHosts(packing).filter((other) => other !== host)
  const at = packing.overflowAt(host)
  const why =
    `${packing.nameOf(host)} would want ${packing.demandAt(host, at).toFixed(3)} of ` +
    `${packing.capacity[host].toFixed(3)} reference cores at sample ${packing.firstStep + at}`
  const shift = (vm: number, to: number): Shift => {
    const clean = Math.min(packing.width, packing.overflowAt(to, vm))
    const reason = `${why}; ${packing.nameOf(to)} holds this VM for ${clean} of ${packing.width} samples foreseen.`
    return { vm, from: host, to, class: 'contention', reason }
  }
  for (const vm of leaving) {
    const to = tightest(packing, vm, used, 0)
    if (to !== undefined) return shift(vm, to)
  }
  for (const vm of leaving) {
    const to = longest(packing, vm, used, Math.max(lead, Math.min(CLEAN_STEPS_MIN, packing.width)))
    if (to !== undefined) return shift(vm, to)
  }
  const fresh = freshHosts(packing)
  for (const vm of leaving) {
    const to = fresh.find((other) => packing.mayGo(vm, other) && packing.overflowAt(other, vm) >= lead)
    if (to !== undefined) return shift(vm, to)
  }
  return undefined
}

/** VMs of which one alone brings relief for the lead; where there is none, all, the greatest peak first. */
function leavingOrder(packing: Packing, host: number, lead: number): number[] {
  const movable = packing.vmsOn[host]
    .filter((vm) => packing.isMovable[vm] === 1)
    .map((vm) => ({ vm, clean: packing.overflowWithout(host, vm), demand: packing.demandOf(vm) }))
  const enough = movable.filter(({ clean }) => clean >= lead)
  if (enough.length > 0) enough.sort((a, b) => b.clean - a.clean || a.demand.mean - b.demand.mean || a.vm - b.vm)
  else movable.sort((a, b) => b.demand.peak - a.demand.peak || a.vm - b.vm)
  return (enough.length > 0 ? enough : movable).map(({ vm }) => vm)
}

/** Used hosts, best to keep first. Those whose VMs can't all leave come before all others. */
function keepOrder(packing: Packing): number[] {
  const used = usedHosts(packing)
  const stuck = new Set(used.filter((host) => isStuck(packing, host)))
  return used.sort(
    (a, b) =>
      Number(stuck.has(b)) - Number(stuck.has(a)) ||
      packing.wattsPerRefCore[a] - packing.wattsPerRefCore[b] ||
      packing.vmsOn[b].length - packing.vmsOn[a].length ||
      a - b,
  )
}

/** The shifts that empty all hosts behind the first `count`; undefined (and nothing changed) where something does not
 *  fit. */
function tryKeeping(packing: Packing, order: readonly number[], count: number, stretch: Fraction): Shift[] | undefined {
  const kept = order.slice(0, count)
  const leaving = order.slice(count).flatMap((host) => packing.vmsOn[host])
  if (leaving.some((vm) => packing.isMovable[vm] === 0)) return undefined
  const reason =
    `${order.length} hosts are used and ${count} hold everything in all ${packing.width} samples foreseen; ` +
    `this VM's host is not among them.`
  for (const meanWeight of MEAN_WEIGHTS) {
    const shifts = placeAll(packing, leaving, kept, { meanWeight, stretch, reason })
    if (shifts !== undefined) return shifts
  }
  return undefined
}

/** Most demanding first, each to the tightest host. All or nothing. */
function placeAll(
  packing: Packing,
  vms: readonly number[],
  targets: readonly number[],
  how: { readonly meanWeight: number; readonly stretch: Fraction; readonly reason: string },
): Shift[] | undefined {
  const shifts: Shift[] = []
  for (const vm of mostDemandingFirst(packing, vms, how.meanWeight)) {
    const from = packing.hostOf[vm]
    const to = tightest(packing, vm, targets, how.stretch)
    if (to === undefined) {
      undoAll(packing, shifts)
      return undefined
    }
    packing.move(vm, to)
    shifts.push({ vm, from, to, class: 'energy', reason: how.reason })
  }
  return shifts
}

function mostDemandingFirst(packing: Packing, vms: readonly number[], meanWeight: number): number[] {
  return vms
    .map((vm) => {
      const { peak, mean } = packing.demandOf(vm)
      return { vm, key: peak + meanWeight * mean }
    })
    .sort((a, b) => b.key - a.key || a.vm - b.vm)
    .map(({ vm }) => vm)
}

/** The host on which least room would be left, of those with room in every sample. */
function tightest(packing: Packing, vm: number, targets: readonly number[], stretch: Fraction): number | undefined {
  let best: number | undefined
  let bestRoom = Number.POSITIVE_INFINITY
  for (const host of targets) {
    if (host === packing.hostOf[vm] || !packing.mayGo(vm, host)) continue
    const room = packing.roomWith(host, vm, stretch)
    if (room === undefined || room >= bestRoom) continue
    best = host
    bestRoom = room
  }
  return best
}

/** The host that holds the VM for most samples, if for at least `stepsMin`. */
function longest(packing: Packing, vm: number, targets: readonly number[], stepsMin: number): number | undefined {
  let best: number | undefined
  let bestSteps = stepsMin - 1
  for (const host of targets) {
    const steps = packing.overflowAt(host, vm)
    if (steps <= bestSteps || !packing.mayGo(vm, host)) continue
    best = host
    bestSteps = steps
  }
  return best
}

function usedHosts(packing: Packing): number[] {
  return packing.vmsOn.map((_, host) => host).filter((host) => packing.vmsOn[host].length > 0)
}

/** Hosts without VMs, the most efficient first. */
function freshHosts(packing: Packing): number[] {
  const watts = packing.wattsPerRefCore
  return packing.vmsOn
    .map((_, host) => host)
    .filter((host) => packing.vmsOn[host].length === 0)
    .sort((a, b) => watts[a] - watts[b] || a - b)
}

function isStuck(packing: Packing, host: number): boolean {
  return packing.vmsOn[host].some((vm) => packing.isMovable[vm] === 0)
}

function wattsOf(packing: Packing): number {
  return usedHosts(packing).reduce((watts, host) => watts + packing.meanWatts(host), 0)
}

/** One order a VM and turn. */
function freeze(packing: Packing, shifts: readonly Shift[]): void {
  for (const { vm } of shifts) packing.isMovable[vm] = 0
}

function undoAll(packing: Packing, shifts: readonly Shift[]): void {
  for (let i = shifts.length - 1; i >= 0; i--) packing.undo(shifts[i].vm, shifts[i].from)
}
