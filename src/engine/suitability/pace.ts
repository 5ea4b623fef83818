/** What benchmarks say of one VM on one host: how much less, or more, of a core its work takes there, and what that is worth.
 *  All of it is nothing, to the bit, where no host has benchmarks. */
import type { Speed } from '../../terms/ranking.ts'
import { horizonHours, type TurnContext } from '../context.ts'
import { ORDINARY_MIX } from '../profile/work-mix.ts'
import { describeSpeed } from './speeds.ts'

/** A difference counts up to e times as fast or as slow: beyond that other things hold a VM up. */
const WORTH_LOG_MAX = 1

/** Demand that the VM would have on the host, over what it has where it is: below 1 where the host does its kind of work with less of a core
 *  than the host's reference cores let expect. A VM to come is reckoned from the median host. */
export function demandFactor({ paces, hostOf }: TurnContext, vm: number, host: number): number {
  const from = hostOf[vm]
  if (paces === undefined || from === host) return 1
  return Math.exp((from < 0 ? 0 : paces.restLog(vm, from)) - paces.restLog(vm, host))
}

/** How much faster a request is served than the host's reference cores say; 1 where nothing was measured. */
export function serviceFactor({ paces }: TurnContext, vm: number, host: number): number {
  return paces === undefined ? 1 : Math.exp(paces.restLog(vm, host))
}

/** Worth of its work done faster, or of it done slower, as a migration's slowing down is priced: by the share of demand. Differences within
 *  the benchmarks' spread are worth nothing. */
export function speedWorth(context: TurnContext, vm: number, host: number): number {
  const { paces } = context
  const from = context.hostOf[vm]
  if (paces === undefined || from === host) return 0
  const apart = paces.log(vm, host) - (from < 0 ? 0 : paces.log(vm, from))
  const own = paces.spread(vm, host)
  const home = from < 0 ? 0 : paces.spread(vm, from)
  const doubt = Math.sqrt(own * own + home * home)
  const sure = Math.sign(apart) * Math.min(WORTH_LOG_MAX, Math.max(0, Math.abs(apart) - doubt))
  return sure * context.levels.mean[vm] * context.policy.prices.perUnservedCoreHour * horizonHours(context)
}

/** The speed as it is told. @param addedWatts what the VM adds on the host */
export function tellSpeed(
  { paces, levels }: TurnContext,
  vm: number,
  host: number,
  addedWatts: number,
): { readonly speed?: Speed } {
  if (paces === undefined) return {}
  const known = paces.mixes[vm]
  const told = describeSpeed(paces.speeds, { mix: known ?? ORDINARY_MIX, isMixAssumed: known === undefined }, host)
  const work = levels.mean[vm]
  return { speed: work > 0 ? { ...told, wattsPerRefCore: addedWatts / work } : told }
}
