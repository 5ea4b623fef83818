/** What benchmarks say of one VM on one host: how much less, or more, of a core its work takes there, and what that is worth.
 *  All of it is nothing, to the bit, where no host has benchmarks. */
import type { Speed } from '../../terms/ranking.ts'
import { horizonHours, type TurnContext } from '../context.ts'
import { ORDINARY_MIX } from '../profile/work-mix.ts'
import { describeSpeed, speedLog, speedSpread } from './speeds.ts'

/** A difference counts up to e times as fast or as slow: beyond that other things hold a VM up. */
const WORTH_LOG_MAX = 1

/** Demand that the VM would have on the host, over what it has where it is: below 1 where the host does its kind of work with less of a core
 *  than the host's reference cores let expect. A VM to come is reckoned from the median host. */
export function demandFactor(context: TurnContext, vm: number, host: number): number {
  const { speeds } = context.fleet
  if (speeds === undefined) return 1
  const from = context.hostOf[vm]
  if (from === host) return 1
  return Math.exp((from < 0 ? 0 : restLog(context, vm, from)) - restLog(context, vm, host))
}

/** How much faster a request is served than the host's reference cores say; 1 where nothing was measured. */
export function serviceFactor(context: TurnContext, vm: number, host: number): number {
  return context.fleet.speeds === undefined ? 1 : Math.exp(restLog(context, vm, host))
}

/** Worth of its work done faster, or of it done slower, as a migration's slowing down is priced: by the share of demand. Differences within
 *  the benchmarks' spread are worth nothing. */
export function speedWorth(context: TurnContext, vm: number, host: number): number {
  const { speeds } = context.fleet
  const from = context.hostOf[vm]
  if (speeds === undefined || from === host) return 0
  const mix = mixOfVm(context, vm)
  const here = from < 0 ? 0 : speedLog(speeds, mix, from)
  const apart = speedLog(speeds, mix, host) - here
  const doubt = Math.hypot(speedSpread(speeds, mix, host), from < 0 ? 0 : speedSpread(speeds, mix, from))
  const sure = Math.sign(apart) * Math.min(WORTH_LOG_MAX, Math.max(0, Math.abs(apart) - doubt))
  return sure * context.levels.mean[vm] * context.policy.prices.perUnservedCoreHour * horizonHours(context)
}

/** The speed as it is told. @param addedWatts what the VM adds on the host */
export function tellSpeed(
  context: TurnContext,
  vm: number,
  host: number,
  addedWatts: number,
): { readonly speed?: Speed } {
  const { speeds } = context.fleet
  if (speeds === undefined) return {}
  const known = context.mixes?.[vm]
  const told = describeSpeed(speeds, { mix: known ?? ORDINARY_MIX, isMixAssumed: known === undefined }, host)
  const work = context.levels.mean[vm]
  return { speed: work > 0 ? { ...told, wattsPerRefCore: addedWatts / work } : told }
}

/** Logarithm of the VM's speed on the host beyond that of the host's cores in reference cores. */
function restLog(context: TurnContext, vm: number, host: number): number {
  const { speeds } = context.fleet
  return speeds === undefined ? 0 : speedLog(speeds, mixOfVm(context, vm), host) - speeds.coreLog[host]
}

function mixOfVm(context: TurnContext, vm: number): Float64Array {
  return context.mixes?.[vm] ?? ORDINARY_MIX
}
