/** The demo's evening, imagined: the production loop over the simulator's time, with what a meter would tell of guests that also wait. */
import { alignRosters } from '../../engine/roster.ts'
import { initialState } from '../../engine/turn.ts'
import { runLoop } from '../../loop/run-loop.ts'
import { HONEST_RULES } from '../../simulator/rules.ts'
import { Simulation } from '../../simulator/simulation.ts'
import { cpuDemand } from '../../terms/cpu-demand.ts'
import { Luck } from '../../terms/luck.ts'
import { DAY_MS, SECOND_MS } from '../../terms/units.ts'
import type { DemandSeries } from '../../terms/trace.ts'
import type { TelemetrySource } from '../../world/telemetry-source.ts'
import type { AnyBalancer } from '../backtest/balancers.ts'
import {
  DEMO_POLICY,
  EVENING,
  hostsOf,
  imaginePast,
  LASTS_MS,
  meanWant,
  shareOfHost,
  SLOT_MS,
  vmsOf,
} from './scenario.ts'

/** Of a machine of two cores, as the demo wants. */
const MACHINE_CORES = 2
/** How much what guests want in a window differs from their course. */
const NOISE = 0.05
/** How much their waiting differs from window to window: spread of its logarithm. */
const WAITING_NOISE = 0.4

export interface Imagined {
  readonly balancer: AnyBalancer
  readonly seed: number
  /** What a guest costs beyond its work: share of a core. */
  readonly restShare: number
  /** Seconds that guests wait for each second that they run, where their host has room: for the machine, and for each other. Absent: 0. */
  readonly waitedPerRan?: number
  /** Whether what they want and wait is the courses' alone. Absent: it is. */
  readonly isNoisy?: boolean
}

export interface ImaginedEvening {
  /** Core-seconds that guests wanted and their hosts did not have. */
  readonly lackedSec: number
  /** Instants of the demo's time. */
  readonly orderedAt: readonly number[]
}

/** One evening in the simulator. */
export async function imagineEvening(imagined: Imagined): Promise<ImaginedEvening> {
  const { balancer, seed, restShare } = imagined
  const share = shareOfHost(EVENING, restShare, MACHINE_CORES)
  let lackedSec = 0
  const seen = { hostOf: new Int32Array(0), hostDemand: new Float64Array(0) }
  const simulation = new Simulation({
    demand: demandOf(imagined, share),
    hosts: hostsOf(EVENING, share),
    rules: HONEST_RULES,
    seed,
    policy: DEMO_POLICY,
    isPowerAware: false,
    placeNew: ({ newVms }) => Int32Array.from(newVms, (v) => EVENING.guests[v].home),
    onStep: ({ hostOf, hostDemand }) => {
      Object.assign(seen, { hostOf: hostOf.slice(), hostDemand: hostDemand.slice() })
      for (const wanted of hostDemand) lackedSec += (Math.max(0, wanted - share) * SLOT_MS) / SECOND_MS
    },
  })
  const windows = DAY_MS / SLOT_MS - 1
  const past = imaginePast(EVENING, { windows, seed, restShare })
  const state = { ...alignRosters(initialState(), await simulation.inventory()), cpuHistory: past }
  const orderedAt: number[] = []
  await runLoop({
    balancer: balancer.name === 'ethos' ? { ...balancer, start: () => state } : balancer,
    world: { clock: simulation, telemetry: metered(simulation, seen, { ...imagined, share }), hypervisor: simulation },
    policy: DEMO_POLICY,
    seed,
    until: LASTS_MS,
    onTurn: ({ orders }, { at }) => orderedAt.push(...orders.map(() => at)),
  })
  return { lackedSec, orderedAt }
}

/** What guests want in each window. */
function demandOf({ seed, restShare, isNoisy = false }: Imagined, share: number): DemandSeries {
  const vms = vmsOf(EVENING, share)
  const steps = LASTS_MS / SLOT_MS + 1
  const luck = new Luck(seed)
  const cpu = new Float32Array(steps * vms.length)
  for (let s = 0; s < steps; s++)
    EVENING.guests.forEach((guest, v) => {
      const noise = isNoisy ? NOISE * luck.normal() : 0
      cpu[s * vms.length + v] = (meanWant(guest, s * SLOT_MS, SLOT_MS) + restShare) * (1 + noise)
    })
  const firstStep = new Int32Array(vms.length)
  const lastStep = new Int32Array(vms.length).fill(steps - 1)
  return { vms, stepMs: SLOT_MS, steps, columns: { cpu }, firstStep, lastStep }
}

/** What a meter tells: the demand that follows from what guests ran and waited. At the first turn it has measured nothing. */
function metered(
  simulation: Simulation,
  seen: { readonly hostOf: Int32Array; readonly hostDemand: Float64Array },
  { seed, share, waitedPerRan = 0, isNoisy = false }: Imagined & { readonly share: number },
): TelemetrySource {
  const luck = new Luck(seed + 1)
  return {
    name: 'imagined meter',
    read: async (inventory) => {
      const { samples, personalities } = await simulation.read(inventory)
      const cpu = samples.columns.cpu?.map((wanted, v) => {
        if (samples.at === 0) return NaN
        const shortage = Math.max(1, seen.hostDemand[seen.hostOf[v]] / share)
        const ran = wanted / shortage
        const waiting = waitedPerRan * Math.exp(isNoisy ? WAITING_NOISE * luck.normal() : 0)
        // Where the host is short, work is owed, and a guest is always ready.
        return cpuDemand({ ran, waited: shortage > 1 ? 1 - ran : Math.min(1 - ran, ran * waiting) })
      })
      return { samples: { ...samples, columns: cpu === undefined ? {} : { cpu } }, personalities }
    },
  }
}
