import type { Lack } from '../../../terms/ranking.ts'
import { GiB } from '../../../terms/units.ts'
import type { TurnContext } from '../../context.ts'

/** One reason for which a VM may not go to a host. Looks at one thing, never throws, and allocates nothing to say yes:
 *  planning asks each rule thousands of times a turn. */
export interface HostRule {
  /** Tells rules apart that miss the same thing. */
  readonly name: string
  readonly lacking: Lack
  /** How much is missing, in the unit of what is lacking; 1 where it can't be counted. Not above 0: the host is fine. */
  readonly shortBy: (context: TurnContext, vm: number, host: number) => number
  /** One sentence with the values, for people. Asked only where `shortBy` is above 0. */
  readonly reason: (context: TurnContext, vm: number, host: number) => string
}

export function hostName(context: TurnContext, host: number): string {
  return context.observation.inventory.hosts[host].id
}

export function showGib(bytes: number, digits = 2): string {
  return (bytes / GiB).toFixed(digits)
}

export function showCores(value: number): string {
  return value.toFixed(2)
}

export function showMinutes(ms: number): string {
  return (ms / 60_000).toFixed(0)
}
