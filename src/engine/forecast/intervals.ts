/** Intervals of hosts' demand ahead, for whoever keeps them to be set against what comes. */
import type { Policy } from '../../terms/policy.ts'
import type { Observation } from '../../terms/turn.ts'
import { openContext } from '../context.ts'
import { measureLevels } from '../profile/levels.ts'
import type { EngineState } from '../state.ts'
import { demandAhead } from './futures.ts'

/** Ends of the interval that is to hold nine of ten. */
const QUANTILES = [0.05, 0.95] as const

/** Demand between which nine of ten futures lie, in reference cores. */
export interface Interval {
  readonly low: number
  readonly high: number
}

/** For each of some hosts, its interval after so many windows, by the futures that the outlook shows. Undefined within: nobody measured yet.
 *  @param state after the turn that saw the observation
 *  @param windows how far ahead, in windows; whole numbers from 1, rising */
export function intervalsAhead(
  seen: { readonly state: EngineState; readonly observation: Observation; readonly policy: Policy },
  hosts: readonly number[],
  windows: readonly number[],
): readonly (readonly Interval[] | undefined)[] {
  const { state, observation, policy } = seen
  const { loads } = openContext(state, observation, policy, measureLevels(state.vms, state.cpuHistory))
  const steps = windows[windows.length - 1] ?? 0
  return hosts.map((host) => {
    const ahead = demandAhead(loads, host, { steps, windowsPerStep: 1, quantiles: QUANTILES })
    if (ahead === undefined) return undefined
    const [low, high] = ahead
    return windows.map((window) => ({ low: low[window - 1], high: high[window - 1] }))
  })
}
