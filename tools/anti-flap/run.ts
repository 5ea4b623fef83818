/** One balancer's life with one shape of load. */
import { runLoop } from '../../src/loop/run-loop.ts'
import { aHost } from '../../src/simulator/builders.ts'
import { HONEST_RULES } from '../../src/simulator/rules.ts'
import { Simulation } from '../../src/simulator/simulation.ts'
import type { MigrationOrder } from '../../src/terms/move.ts'
import { type Policy, SITE_POLICY } from '../../src/terms/policy.ts'
import type { Balancer } from '../../src/terms/turn.ts'
import { GiB, HOUR_MS } from '../../src/terms/units.ts'
import { demandOf, HOSTS, type Shape } from './shapes.ts'

/** A site's policy; hosts are not emptied, for it is balance that is put to the test. */
export const POLICY: Policy = { ...SITE_POLICY, consolidation: { ...SITE_POLICY.consolidation, isEnabled: false } }

export interface FlapRun {
  readonly orders: readonly MigrationOrder[]
  /** Turns whose orders were advice only. */
  readonly advice: readonly string[]
  readonly overloadTimeFraction: number
  readonly untilMs: number
}

/** @param policy by which the balancer and the platform live */
export async function live<State>(about: {
  readonly balancer: Balancer<State>
  readonly shape: Shape
  readonly hours: number
  readonly seed: number
  readonly policy?: Policy
}): Promise<FlapRun> {
  const { balancer, shape, hours, seed, policy = POLICY } = about
  const demand = demandOf(shape, { hours, seed })
  const rows = new Map(demand.vms.map(({ id }, row) => [id, row]))
  const hosts = Array.from({ length: HOSTS }, (_, h) => aHost(h, { cores: 32, memoryBytes: 128 * GiB }))
  const simulation = new Simulation({
    demand,
    hosts,
    rules: HONEST_RULES,
    seed,
    policy,
    placeNew: ({ inventory, newVms }) => Int32Array.from(newVms, (vm) => (rows.get(inventory.vms[vm].id) ?? 0) % HOSTS),
  })
  const orders: MigrationOrder[] = []
  const advice: string[] = []
  const untilMs = hours * HOUR_MS - demand.stepMs
  await runLoop({
    balancer,
    world: { clock: simulation, telemetry: simulation, hypervisor: simulation },
    policy,
    seed,
    until: untilMs,
    onTurn: (turn) => {
      if (turn.adviceOnly === undefined) orders.push(...turn.orders)
      else advice.push(...turn.adviceOnly)
    },
  })
  return { orders, advice, overloadTimeFraction: simulation.figures().overloadTimeFraction, untilMs }
}
