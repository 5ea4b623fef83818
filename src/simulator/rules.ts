import { MINUTE_MS, SECOND_MS } from '../terms/units.ts'

/** How the imagined world behaves where real platforms and the literature's simulators differ. */
export interface SimulationRules {
  readonly name: string
  /** Refuse a VM whose configured memory does not fit beside those on the host and those on their way to it. */
  readonly isMemoryEnforced: boolean
  /** `by-demand`: no demand, no watts, and waking is free. `by-state`: hosts are switched on and off, which takes
   *  time and energy. */
  readonly hostPower: 'by-demand' | 'by-state'
  /** How long a host takes to come on, at full watts. Not used with `by-demand`. */
  readonly powerOnMs: number
  /** How long a host takes to go off, at full watts. Not used with `by-demand`. */
  readonly powerOffMs: number
  /** `cloudsim`: memory once at half of 1 Gbit/s, all copies at once, demand counted on the target from the next
   *  sample.
   *  `pre-copy`: rounds over the hosts' links, one copy per link, demand counted on the source until the copy is
   *  done. */
  readonly copying: 'cloudsim' | 'pre-copy'
  /** Largest relative deviation of bandwidth, downtime and extra bytes from what the physics says. */
  readonly jitterFraction: number
}

/** CloudSim 3.0.3's power package with the PlanetLab examples' constants, so that published results can be compared. */
export const CLOUDSIM_RULES: SimulationRules = {
  name: 'cloudsim',
  isMemoryEnforced: false,
  hostPower: 'by-demand',
  powerOnMs: 0,
  powerOffMs: 0,
  copying: 'cloudsim',
  jitterFraction: 0,
}

/** What an operator would see: memory is finite, hosts boot, links are shared, and copies go in rounds. */
export const HONEST_RULES: SimulationRules = {
  name: 'honest',
  isMemoryEnforced: true,
  hostPower: 'by-state',
  powerOnMs: 2 * MINUTE_MS,
  powerOffMs: 30 * SECOND_MS,
  copying: 'pre-copy',
  jitterFraction: 0.05,
}
