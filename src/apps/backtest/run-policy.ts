/** One policy lives through one trace, and is accounted for. */
import { runLoop } from '../../loop/run-loop.ts'
import { hostPassedBy } from '../../rivals/cloudsim/turn.ts'
import { accountAsCloudsim } from '../../simulator/cloudsim-account.ts'
import { endLivesAsCloudsim } from '../../simulator/cloudsim-lives.ts'
import type { SimulatedMove } from '../../simulator/migrations.ts'
import { PlacementError } from '../../simulator/placement-error.ts'
import { Simulation, type StepView } from '../../simulator/simulation.ts'
import type { DemandSeries } from '../../terms/trace.ts'
import type { HostForecast, Observation, Turn } from '../../terms/turn.ts'
import { DAY_MS, SECOND_MS } from '../../terms/units.ts'
import type { Store } from '../../world/store.ts'
import { type AnyBalancer, balancerNamed, CLOUDSIM_POLICIES } from './balancers.ts'
import type { PolicyName } from './policy-names.ts'
import { CourseKeeper } from './course.ts'
import type { BacktestResult, MoveRecord, RunCourse, RunDetail } from './result.ts'
import type { BacktestSetup } from './setup.ts'

export interface PolicyRunOptions {
  /** Run CloudSim's policies as CloudSim does: see `cloudsim-lives.ts`. */
  readonly areLivesCloudsims: boolean
  /** Keep what plots need. Costs memory: four numbers per host and step. */
  readonly keepsDetail: boolean
  readonly store?: Store
  /** Told after each step, for the progress bar. */
  readonly onStep?: (step: number) => void
  /** Sees each turn's inputs before it is taken. */
  readonly spy?: (state: unknown, observation: Observation) => void
}

export interface PolicyRun {
  readonly result: BacktestResult
  readonly initialPlacement: Int32Array
  readonly moves: readonly SimulatedMove[]
  /** Both where detail is kept. */
  readonly detail?: RunDetail
  readonly course?: RunCourse
}

/** A VM without a first host ends the run; the `PlacementError` then names the policy, and when the VM arrived. */
export async function runPolicy(setup: BacktestSetup, name: PolicyName, options: PolicyRunOptions): Promise<PolicyRun> {
  try {
    return await liveThrough(setup, name, options)
  } catch (error) {
    if (error instanceof PlacementError) error.message = `${arrival(error, setup, name)}: ${error.message}`
    throw error
  }
}

function arrival({ vm }: PlacementError, { demand }: BacktestSetup, name: PolicyName): string {
  const row = demand.vms.findIndex(({ id }) => id === vm.id)
  const seconds = (demand.firstStep[row] * demand.stepMs) / SECOND_MS
  return `Policy ${name} found no first host for a VM that arrived at second ${seconds}`
}

async function liveThrough(setup: BacktestSetup, name: PolicyName, options: PolicyRunOptions): Promise<PolicyRun> {
  const before = process.cpuUsage()
  const demand = options.areLivesCloudsims ? endLivesAsCloudsim(setup.demand) : setup.demand
  const balancer = withSpy(balancerNamed(name, demand), options.spy)
  const detail = options.keepsDetail ? new DetailKeeper(demand, setup.fleet.hosts.length) : undefined
  const course = options.keepsDetail ? new CourseKeeper(demand) : undefined
  const simulation = new Simulation({
    demand,
    hosts: setup.fleet.hosts,
    rules: setup.rules,
    seed: setup.seed,
    placeNew: balancer.placeNew,
    policy: setup.policy,
    isPowerAware: balancer.isPowerAware ?? true,
    onStep: (view) => {
      detail?.keepStep(view)
      course?.keep(view)
      options.onStep?.(view.step)
    },
  })
  await runLoop({
    balancer,
    world: {
      clock: simulation,
      telemetry: simulation,
      hypervisor: simulation,
      ...(options.store === undefined ? {} : { store: options.store }),
    },
    policy: setup.policy,
    seed: setup.seed,
    until: (demand.steps - 1) * demand.stepMs,
    onTurn: (turn, observation) => detail?.keepTurn(turn, observation),
  })
  const figures = cloudsimFigures(setup, simulation, demand)
  const { user, system } = process.cpuUsage(before)
  const { moves, initialPlacement } = simulation
  return {
    result: {
      policy: name,
      ...simulation.figures(),
      cpuSeconds: (user + system) / 1e6,
      ...(figures === undefined ? {} : { cloudsimSlatahFraction: figures.slatahFraction }),
      ...(figures === undefined || !options.areLivesCloudsims
        ? {}
        : asCloudsimCounts(name, figures, wholeVmDays(setup.demand))),
    },
    initialPlacement,
    moves,
    ...(detail === undefined ? {} : { detail: detail.finish(name, moves, setup.trace.vmNames) }),
    ...(course === undefined ? {} : { course: course.course }),
  }
}

/** Whether a policy is run as CloudSim runs it. */
export function livesAreCloudsims(name: PolicyName, rules: string, lives: string): boolean {
  if (rules !== 'cloudsim' || lives === 'trace') return false
  return lives === 'cloudsim' || CLOUDSIM_POLICIES.includes(name)
}

interface CloudsimCount {
  readonly slatahFraction: number
  readonly energyKwh: number
  readonly migrations: number
}

/** What CloudSim 3.0.3 would have printed of the run. */
function cloudsimFigures(
  setup: BacktestSetup,
  simulation: Simulation,
  demand: DemandSeries,
): CloudsimCount | undefined {
  if (setup.rules.name !== 'cloudsim') return undefined
  const { hosts } = setup.fleet
  const hostIndex = new Map<string, number>(hosts.map((host, h) => [host.id, h]))
  const moves = simulation.moves.map((move) => {
    const passed = hostPassedBy(move)
    const passedBy = passed === undefined ? undefined : hostIndex.get(passed)
    return passedBy === undefined ? move : { ...move, passedBy }
  })
  const { initialPlacement } = simulation
  const account = accountAsCloudsim({ hosts, demand, initialPlacement, moves })
  return {
    slatahFraction: account.cloudsimSlatahFraction,
    energyKwh: account.cloudsimEnergyKwh,
    migrations: moves.length + moves.filter((move) => 'passedBy' in move).length,
  }
}

/** CloudSim's own counts in place of ours. NPA draws full watts whatever happens, so that there is only one way to count it. */
function asCloudsimCounts(name: PolicyName, figures: CloudsimCount, vmDays: number): Partial<BacktestResult> {
  return {
    account: 'cloudsim',
    ...(name === 'npa' ? {} : { energyKwh: figures.energyKwh }),
    migrations: figures.migrations,
    migrationsPerVmDay: figures.migrations / vmDays,
  }
}

/** VM-days by the trace, however early CloudSim destroys the VMs. */
function wholeVmDays({ vms, firstStep, lastStep, stepMs }: DemandSeries): number {
  let steps = 0
  for (let v = 0; v < vms.length; v++) steps += lastStep[v] - firstStep[v] + 1
  return (steps * stepMs) / DAY_MS
}

function withSpy(balancer: AnyBalancer, spy: PolicyRunOptions['spy']): AnyBalancer {
  if (spy === undefined) return balancer
  return {
    ...balancer,
    takeTurn: (state, observation, policy) => {
      spy(state, observation)
      return balancer.takeTurn(state, observation, policy)
    },
  }
}

/** Keeps the course of a run, step-major. */
class DetailKeeper {
  private readonly hosts: number
  private readonly steps: number
  private readonly stepMs: number
  private readonly hostDemand: Float32Array
  private forecast: { horizonMs: number; p50: Float32Array; p95: Float32Array; contention: Float32Array } | undefined

  constructor(demand: DemandSeries, hosts: number) {
    this.hosts = hosts
    this.steps = demand.steps
    this.stepMs = demand.stepMs
    this.hostDemand = new Float32Array(demand.steps * hosts).fill(NaN)
  }

  keepStep(view: StepView): void {
    const row = view.step * this.hosts
    for (let v = 0; v < view.hostOf.length; v++) {
      const host = view.hostOf[v]
      if (host >= 0) this.hostDemand[row + host] = view.hostDemand[host]
    }
  }

  keepTurn(turn: Turn<unknown>, observation: Observation): void {
    if (turn.hostForecast !== undefined) this.keepForecast(turn.hostForecast, Math.floor(observation.at / this.stepMs))
  }

  finish(policy: string, moves: readonly SimulatedMove[], vmNames: readonly string[]): RunDetail {
    return {
      policy,
      hostDemand: this.hostDemand,
      moves: moves.map((move) => moveRecord(move, vmNames)),
      ...(this.forecast === undefined ? {} : { forecast: this.forecast }),
    }
  }

  private keepForecast(forecast: HostForecast, step: number): void {
    const size = this.steps * this.hosts
    this.forecast ??= {
      horizonMs: forecast.horizonMs,
      p50: new Float32Array(size).fill(NaN),
      p95: new Float32Array(size).fill(NaN),
      contention: new Float32Array(size).fill(NaN),
    }
    this.forecast.p50.set(forecast.p50, step * this.hosts)
    this.forecast.p95.set(forecast.p95, step * this.hosts)
    this.forecast.contention.set(forecast.contention, step * this.hosts)
  }
}

function moveRecord(move: SimulatedMove, vmNames: readonly string[]): MoveRecord {
  const { second, vm, from, to, reason } = move
  const worth = move.move
  return {
    second,
    vm,
    vmName: vmNames[vm],
    from,
    to,
    class: move.class,
    reason,
    ...(worth === undefined ? {} : { gain: worth.gain, cost: worth.cost, confidence: worth.confidence }),
  }
}
