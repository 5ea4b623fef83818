/** `node tools/backtest/turn-times.ts REQUEST`: a run of our policy in a process of its own; the CPU time of each of its turns as JSON. */
import type { AnyBalancer } from '../../src/apps/backtest/balancers.ts'
import { type BacktestRequest, prepareBacktest } from '../../src/apps/backtest/setup.ts'
import { ethos } from '../../src/engine/turn.ts'
import { runLoop } from '../../src/loop/run-loop.ts'
import { Simulation } from '../../src/simulator/simulation.ts'

export interface TurnTimes {
  readonly vms: number
  readonly hosts: number
  readonly moves: number
  /** CPU time of the process, other threads included: collecting garbage and compiling count where they happen. */
  readonly turnCpuMs: readonly number[]
}

export async function timeTurns(request: BacktestRequest): Promise<TurnTimes> {
  const { demand, fleet, rules, policy, seed } = prepareBacktest(request)
  const turnCpuMs: number[] = []
  const { hosts } = fleet
  const balancer = withStopwatch(ethos, (cpuMs) => turnCpuMs.push(cpuMs))
  const simulation = new Simulation({ demand, hosts, rules, seed, policy, placeNew: balancer.placeNew })
  const world = { clock: simulation, telemetry: simulation, hypervisor: simulation }
  await runLoop({ balancer, world, policy, seed, until: (demand.steps - 1) * demand.stepMs })
  return { vms: demand.vms.length, hosts: hosts.length, moves: simulation.moves.length, turnCpuMs }
}

function withStopwatch(balancer: AnyBalancer, tell: (cpuMs: number) => void): AnyBalancer {
  return {
    ...balancer,
    takeTurn: (state, observation, policy) => {
      const before = process.cpuUsage()
      const turn = balancer.takeTurn(state, observation, policy)
      const { user, system } = process.cpuUsage(before)
      tell((user + system) / 1000)
      return turn
    },
  }
}

if (import.meta.main) {
  process.stdout.write(JSON.stringify(await timeTurns(JSON.parse(process.argv[2] ?? '{}') as BacktestRequest)))
}
