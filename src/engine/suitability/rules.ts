/** Hard rules: each looks at one thing, and a "no" says what is lacking and by how much. */
import { HOST_UNKNOWN } from '../../terms/cluster.ts'
import type { Lack, Refused } from '../../terms/ranking.ts'
import { HOUR_MS } from '../../terms/units.ts'
import { horizonHours, hostStateAt, type TurnContext, vmAt } from '../context.ts'

/** The first rule that says no, or undefined. Cheap, allocation-free answers come first: planning asks this a thousand times a turn.
 *  Whether CPU demand fits is asked last, by `cpuShortBy`, because it needs a pass over the history. */
export function firstLack(context: TurnContext, vm: number, host: number): Lack | undefined {
  if (context.hostOf[vm] === host) return 'same-host'
  const state = hostStateAt(context, host)
  if (state === 'maintenance' || state === 'unreachable' || state === 'stopping') return 'host-state'
  if (memoryShortBy(context, vm, host) > 0) return 'memory'
  if (sizeShortBy(context, vm, host) > 0) return 'cpu'
  if (isGroupMateThere(context, vm, host)) return 'anti-affinity'
  if (returnBarredForMs(context, vm, host) > 0) return 'no-return'
  const copiesMax = context.policy.limits.migrationsPerHostMax
  if (copiesMax !== undefined && context.copies[host] >= copiesMax) return 'concurrency'
  return undefined
}

/** Bytes of configured memory that are missing. */
export function memoryShortBy(context: TurnContext, vm: number, host: number): number {
  const share = context.policy.limits.memoryAllocationMax
  if (share === undefined) return 0
  const limit = context.observation.inventory.hosts[host].memoryBytes * share
  return context.memoryBytes[host] + vmAt(context, vm).memoryBytes - limit
}

/** Reference cores of VM sizes above the allocation limit. */
export function sizeShortBy(context: TurnContext, vm: number, host: number): number {
  const share = context.policy.limits.cpuAllocationMax
  if (share === undefined) return 0
  return context.sizes[host] + context.levels.size[vm] - context.fleet.capacity[host] * share
}

/** Reference cores by which the upper bound of demand would exceed what a target may be filled to. */
export function cpuShortBy(context: TurnContext, vm: number, host: number): number {
  return context.loads.boundWith(host, vm) - fillLimit(context, host)
}

/** What a target may be filled to, in reference cores. */
export function fillLimit(context: TurnContext, host: number): number {
  return context.fleet.capacity[host] * context.policy.contention.lowFraction
}

/** Gates on the VM itself, whatever the target. */
export function firstGate(context: TurnContext, vm: number): Lack | undefined {
  if (context.hostOf[vm] === HOST_UNKNOWN) return 'location-unknown'
  if (context.inFlight[vm] === 1) return 'in-flight'
  if (vmAt(context, vm).isPinned === true) return 'pinned'
  if (cooldownLeftMs(context, vm) > 0) return 'cooldown'
  const moves = context.recentMoves.get(vmAt(context, vm).id)?.length ?? 0
  if (moves >= context.policy.gates.movesPerVmDayMax) return 'move-budget'
  return undefined
}

/** Cooldown doubles with each further move of the day, up to this (Kubernetes descheduler's back-off cap). */
const COOLDOWN_MS_MAX = 6 * HOUR_MS

export function cooldownLeftMs(context: TurnContext, vm: number): number {
  const movedAt = context.state.movedAt[vm]
  if (movedAt === -Infinity) return 0
  const moves = context.recentMoves.get(vmAt(context, vm).id)?.length ?? 0
  const cooldownMs = Math.min(COOLDOWN_MS_MAX, context.policy.gates.cooldownMs * 2 ** Math.max(0, moves - 1))
  return movedAt + cooldownMs - context.observation.at
}

/** One sentence with the values, for people: why `vm` may not go to `host`. */
export function refuse(context: TurnContext, vm: number, host: number, lacking: Lack): Refused {
  const { shortBy, reason } = describe(context, vm, host, lacking)
  return { kind: 'refused', lacking, shortBy, reason }
}

function describe(context: TurnContext, vm: number, host: number, lacking: Lack): { shortBy: number; reason: string } {
  const { hosts } = context.observation.inventory
  const name = hosts[host].id
  switch (lacking) {
    case 'memory': {
      const shortBy = memoryShortBy(context, vm, host)
      return {
        shortBy,
        reason: `${name} lacks ${gib(shortBy)} GiB of memory: ${gib(context.memoryBytes[host])} of ${gib(hosts[host].memoryBytes)} GiB are committed.`,
      }
    }
    case 'cpu': {
      const bySize = sizeShortBy(context, vm, host)
      if (bySize > 0)
        return {
          shortBy: bySize,
          reason: `${name} would carry ${cores(bySize)} cores of VM sizes more than its allocation limit allows.`,
        }
      const shortBy = cpuShortBy(context, vm, host)
      const bound = shortBy + fillLimit(context, host)
      return {
        shortBy,
        reason: `${name} would have to serve up to ${cores(bound)} cores in the next ${horizonHours(context)} h, ${cores(shortBy)} above the ${cores(fillLimit(context, host))} it may be filled to.`,
      }
    }
    case 'host-state':
      return { shortBy: 1, reason: `${name} is ${hostStateAt(context, host)}.` }
    case 'same-host':
      return { shortBy: 1, reason: `The VM runs on ${name} already.` }
    case 'anti-affinity':
      return {
        shortBy: 1,
        reason: `${name} holds a VM of the same anti-affinity group "${vmAt(context, vm).antiAffinityGroup}".`,
      }
    case 'no-return': {
      const shortBy = returnBarredForMs(context, vm, host)
      return { shortBy, reason: `The VM left ${name} lately and may not return for another ${minutes(shortBy)} min.` }
    }
    case 'concurrency':
      return { shortBy: 1, reason: `${name} has ${context.copies[host]} migrations under way, as many as it may.` }
    default:
      return { shortBy: 1, reason: describeGate(context, vm, lacking) }
  }
}

/** One sentence for a gate on the VM itself. */
export function describeGate(context: TurnContext, vm: number, lacking: Lack): string {
  switch (lacking) {
    case 'cooldown':
      return `It moved ${minutes(context.observation.at - context.state.movedAt[vm])} min ago and rests for another ${minutes(cooldownLeftMs(context, vm))} min.`
    case 'move-budget':
      return `It moved ${context.recentMoves.get(vmAt(context, vm).id)?.length ?? 0} times in the last 24 h, which is its budget.`
    case 'pinned':
      return 'Its owner pinned it.'
    case 'in-flight':
      return 'It is being migrated.'
    case 'location-unknown':
      return 'Nobody knows where it runs: what is unknown is left alone.'
    default:
      return `Refused: ${lacking}.`
  }
}

function returnBarredForMs(context: TurnContext, vm: number, host: number): number {
  const moves = context.recentMoves.get(vmAt(context, vm).id)
  if (moves === undefined) return 0
  const name = context.observation.inventory.hosts[host].id
  let left = 0
  for (const move of moves) {
    if (move.from === name) left = Math.max(left, move.at + context.policy.gates.noReturnMs - context.observation.at)
  }
  return left
}

function isGroupMateThere(context: TurnContext, vm: number, host: number): boolean {
  const group = vmAt(context, vm).antiAffinityGroup
  if (group === undefined) return false
  return context.members[host].some((other) => other !== vm && vmAt(context, other).antiAffinityGroup === group)
}

function gib(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(2)
}

function cores(value: number): string {
  return value.toFixed(2)
}

function minutes(ms: number): string {
  return (ms / 60_000).toFixed(0)
}
