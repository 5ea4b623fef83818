import { Luck } from '../../terms/luck.ts'
import type { MoveClass } from '../../terms/move.ts'
import { GiB } from '../../terms/units.ts'
import type { BacktestResult, BacktestRun, MoveRecord, RunDetail } from '../backtest/result.ts'

/** How large a made-up run is to be. */
export interface SampleSize {
  readonly hosts: number
  readonly vms: number
  readonly steps: number
  readonly seed: number
}

const SMALL: SampleSize = { hosts: 60, vms: 640, steps: 288, seed: 7 }
const STEP_SECONDS = 300
/** How far the sample's forecasts look ahead. */
const HORIZON_STEPS = 6

/** A believable backtest, made up: for tests of the report and for looking at it. Nothing in it was measured. */
export function sampleRun(size: Partial<SampleSize> = {}): BacktestRun {
  const chosen = { ...SMALL, ...size }
  const hosts = Array.from({ length: chosen.hosts }, (_, i) => `host-${String(i + 1).padStart(3, '0')}`)
  const capacity = hosts.map((_, i) => (i % 2 === 0 ? 16 : 24))
  const demand = sampleDemand(chosen)
  const runs = HABITS.map((habit) => replay({ habit, size: chosen, capacity, demand }))
  return {
    traceName: 'sample-web-and-batch',
    rules: 'production',
    fleetName: 'two-generations',
    seed: chosen.seed,
    stepMs: STEP_SECONDS * 1000,
    steps: chosen.steps,
    vms: chosen.vms,
    hosts,
    hostCapacity: capacity,
    synthetic: ['memory', 'diskRead', 'diskWrite'],
    notes: ['Made up by a generator: no number in this run was measured.', 'Memory follows CPU with a lag of an hour.'],
    results: runs.map((run) => run.result),
    details: runs.map((run) => run.detail),
  }
}

/** How a made-up policy behaves: reacts above `high`, empties below `low`, and sees `sight` steps ahead. */
interface Habit {
  readonly policy: string
  readonly high: number
  readonly low: number
  readonly movesPerStepMax: number
  readonly sight: number
  readonly forecasts: boolean
}

const HABITS: readonly Habit[] = [
  { policy: 'ethos', high: 0.95, low: 0.55, movesPerStepMax: 20, sight: 2, forecasts: true },
  { policy: 'lr-mmt-1.2', high: 0.9, low: 0.5, movesPerStepMax: 30, sight: 0, forecasts: false },
  { policy: 'thr-mmt-0.8', high: 0.8, low: 0.45, movesPerStepMax: 30, sight: 0, forecasts: false },
  { policy: 'dvfs', high: 9, low: 0, movesPerStepMax: 0, sight: 0, forecasts: false },
  { policy: 'oracle-1h', high: 0.99, low: 0.55, movesPerStepMax: 20, sight: 12, forecasts: false },
]

/** VMs of one service burst together: that is what takes a balancer by surprise. */
const SERVICES = 14

/** Demand of each VM in reference cores, step-major: a daily wave, a walk around it, and the bursts of its service. */
function sampleDemand(size: SampleSize): Float32Array {
  const luck = new Luck(size.seed)
  const bursts = sampleBursts(size, luck)
  const demand = new Float32Array(size.vms * size.steps)
  for (let vm = 0; vm < size.vms; vm++) {
    const cores = [1, 1, 2, 4][luck.below(4)]
    const base = 0.05 + 0.2 * luck.fraction()
    const wave = 0.7 * luck.fraction()
    const peakStep = 170 + 30 * luck.normal() - (luck.fraction() < 0.2 ? 130 : 0)
    let drift = 0
    for (let step = 0; step < size.steps; step++) {
      drift = 0.9 * drift + 0.03 * luck.normal()
      const season = wave * 0.5 * (1 + Math.cos((2 * Math.PI * (step - peakStep)) / 288))
      const burst = bursts[(vm % SERVICES) * size.steps + step]
      demand[step * size.vms + vm] = cores * Math.min(1, Math.max(0.02, base + season + drift + burst))
    }
  }
  return demand
}

/** Share of a VM's size that each service adds, service-major: up within two steps, down over an hour or so. */
function sampleBursts(size: SampleSize, luck: Luck): Float32Array {
  const bursts = new Float32Array(SERVICES * size.steps)
  for (let service = 0; service < SERVICES; service++) {
    let height = 0
    for (let step = 0; step < size.steps; step++) {
      height = luck.fraction() < 0.012 ? 0.3 + 0.4 * luck.fraction() : height * 0.88
      bursts[service * size.steps + step] = height
    }
  }
  return bursts
}

interface Replay {
  readonly habit: Habit
  readonly size: SampleSize
  readonly capacity: readonly number[]
  readonly demand: Float32Array
}

interface Place {
  readonly hostOf: Int32Array
  readonly lastMove: Int32Array
  readonly moves: MoveRecord[]
}

function replay(input: Replay): { readonly result: BacktestResult; readonly detail: RunDetail } {
  const { habit, size, capacity } = input
  const place: Place = {
    hostOf: habit.movesPerStepMax === 0 ? spread(size, capacity.length) : firstFit(input),
    lastMove: new Int32Array(size.vms).fill(-1000),
    moves: [],
  }
  const hostDemand = new Float32Array(size.steps * capacity.length).fill(Number.NaN)
  for (let step = 0; step < size.steps; step++) {
    hostDemand.set(loads(input, place, step), step * capacity.length)
    const expected = loads(input, place, step)
    for (let ahead = step + 1; ahead <= Math.min(size.steps - 1, step + habit.sight); ahead++) {
      loads(input, place, ahead).forEach((value, host) => (expected[host] = Math.max(expected[host], value)))
    }
    moveVms({ input, place, step, expected })
  }
  const detail: RunDetail = {
    policy: habit.policy,
    hostDemand,
    moves: place.moves,
    ...(habit.forecasts ? { forecast: sampleForecast(input, hostDemand) } : {}),
  }
  return { result: score(input, detail), detail }
}

function spread(size: SampleSize, hosts: number): Int32Array {
  return Int32Array.from({ length: size.vms }, (_, vm) => vm % hosts)
}

/** Hosts filled one after the other to six tenths, by the demand of the first step. */
function firstFit({ size, capacity, demand }: Replay): Int32Array {
  const free = capacity.map((cores) => 0.6 * cores)
  return Int32Array.from({ length: size.vms }, (_, vm) => {
    const host = Math.max(
      0,
      free.findIndex((cores) => cores >= demand[vm]),
    )
    free[host] -= demand[vm]
    return host
  })
}

/** Demand per host at a step; NaN where no VM is. */
function loads({ size, capacity, demand }: Replay, place: Place, step: number): Float32Array {
  const sums = new Float32Array(capacity.length).fill(Number.NaN)
  place.hostOf.forEach((host, vm) => {
    sums[host] = (Number.isNaN(sums[host]) ? 0 : sums[host]) + demand[step * size.vms + vm]
  })
  return sums
}

interface Round {
  readonly input: Replay
  readonly place: Place
  readonly step: number
  readonly expected: Float32Array
}

/** Relieves hosts that will be too full, then empties the emptiest one. */
function moveVms(round: Round): void {
  const { habit, capacity } = round.input
  let left = habit.movesPerStepMax
  for (let host = 0; host < capacity.length && left > 0; host++) {
    while (round.expected[host] > habit.high * capacity[host] && left > 0) {
      if (!moveOne(round, host, 'contention')) break
      left--
    }
  }
  const emptiest = [...round.expected.keys()]
    .filter((host) => round.expected[host] < habit.low * capacity[host])
    .sort((a, b) => round.expected[a] / capacity[a] - round.expected[b] / capacity[b])[0]
  if (emptiest === undefined) return
  while (left-- > 0 && moveOne(round, emptiest, 'energy'));
}

function moveOne(round: Round, from: number, moveClass: MoveClass): boolean {
  const { input, place, step, expected } = round
  const { size, capacity, demand, habit } = input
  const coolSteps = habit.forecasts ? 12 : 1
  const vm = place.hostOf.findIndex((host, i) => host === from && step - place.lastMove[i] >= coolSteps)
  if (vm < 0) return false
  const wanted = Math.max(
    demand[step * size.vms + vm],
    demand[Math.min(size.steps - 1, step + habit.sight) * size.vms + vm],
  )
  const fullness = (host: number): number => (expected[host] || 0) / capacity[host]
  const isOpen = (host: number): boolean =>
    host !== from && fullness(host) + wanted / capacity[host] < Math.min(0.95, habit.high - 0.06)
  const mayWake = moveClass === 'contention'
  const to = [...expected.keys()]
    .filter((host) => isOpen(host) && (mayWake || !Number.isNaN(expected[host])))
    .sort((a, b) => fullness(b) - fullness(a))[0]
  if (to === undefined) return false
  expected[from] -= wanted
  expected[to] = (expected[to] || 0) + wanted
  place.hostOf[vm] = to
  place.lastMove[vm] = step
  const filled = `${Math.max(0, Math.round(fullness(from) * 100))} %`
  const gain = wanted * (moveClass === 'energy' ? 0.021 : 0.043)
  place.moves.push({
    second: step * STEP_SECONDS + (vm % 240),
    vm,
    vmName: `vm-${String(vm).padStart(4, '0')}`,
    from,
    to,
    class: moveClass,
    reason: moveClass === 'energy' ? `empties a host at ${filled}` : `relieves a host that would stay at ${filled}`,
    ...(habit.forecasts ? { gain, cost: 0.004 + 0.002 * (vm % 5), confidence: 0.55 + 0.44 * ((vm % 17) / 17) } : {}),
  })
  return true
}

/** What one who knows demand but for noise would forecast. */
function sampleForecast({ size, capacity }: Replay, hostDemand: Float32Array): NonNullable<RunDetail['forecast']> {
  const luck = new Luck(size.seed + 1)
  const hosts = capacity.length
  const p50 = new Float32Array(hostDemand.length)
  const p95 = new Float32Array(hostDemand.length)
  const contention = new Float32Array(hostDemand.length)
  for (let i = 0; i < hostDemand.length; i++) {
    const now = hostDemand[i]
    const next = hostDemand[i + hosts]
    const likely = Number.isNaN(now + next) ? now : 0.6 * now + 0.4 * next
    p50[i] = Math.max(0, likely * (1 + 0.03 * luck.normal()))
    p95[i] = p50[i] * 1.1 + 0.5
    contention[i] = 1 / (1 + Math.exp(-14 * (p95[i] / capacity[i % hosts] - 1.02)))
  }
  return { horizonMs: HORIZON_STEPS * STEP_SECONDS * 1000, p50, p95, contention }
}

function score({ habit, size, capacity }: Replay, detail: RunDetail): BacktestResult {
  let on = 0
  let over = 0
  let watts = 0
  let unserved = 0
  let total = 0
  detail.hostDemand.forEach((demand, i) => {
    if (Number.isNaN(demand)) return
    const full = capacity[i % capacity.length]
    on++
    if (demand > full) over++
    unserved += Math.max(0, demand - full)
    total += demand
    watts += 110 + 180 * Math.min(1, demand / full)
  })
  const migrations = detail.moves.length
  return {
    policy: habit.policy,
    energyKwh: (watts * STEP_SECONDS) / 3.6e6,
    overloadTimeFraction: over / Math.max(1, on),
    unservedFraction: unserved / Math.max(1e-9, total),
    migrationDegradationFraction: (migrations * 2) / Math.max(1, total * STEP_SECONDS),
    migrations,
    migrationsPerVmDay: migrations / size.vms / ((size.steps * STEP_SECONDS) / 86400),
    copiedBytes: migrations * 2.3 * GiB,
    hostsOnMean: on / size.steps,
    cpuSeconds: habit.forecasts ? 4.21 : 0.3 + migrations / 2000,
  }
}
