import { type TurnContext, vmAt } from '../../context.ts'
import { hostName, type HostRule, showGib } from './rule.ts'

/** Where hosts measure it: memory in use, what is arriving, and the VM's own stay within what the host has, whatever was configured.
 *  In bytes. */
export const MEASURED_MEMORY: HostRule = {
  name: 'measured-memory',
  lacking: 'memory',
  shortBy: (context, vm, host) => {
    const used = context.hostCheck?.memoryUsedBytes?.[host] ?? NaN
    if (used !== used || context.policy.limits.memoryAllocationMax === undefined) return 0
    return used + arrivingBytes(context, host) + needBytes(context, vm) - memoryOf(context, host)
  },
  reason: (context, vm, host) => {
    const used = showGib(context.hostCheck?.memoryUsedBytes?.[host] ?? NaN)
    const arriving = showGib(arrivingBytes(context, host))
    const need = `the VM needs ${showGib(needBytes(context, vm))}`
    const has = showGib(memoryOf(context, host))
    return `${hostName(context, host)} has ${used} of ${has} GiB in use and ${arriving} arriving; ${need}.`
  },
}

function memoryOf(context: TurnContext, host: number): number {
  return context.observation.inventory.hosts[host].memoryBytes
}

/** Committed on the sheet beyond what was there when memory was measured. */
function arrivingBytes(context: TurnContext, host: number): number {
  return Math.max(0, context.memoryBytes[host] - (context.hostCheck?.memoryThereBytes[host] ?? 0))
}

/** As measured where that is known, never more than configured. */
function needBytes(context: TurnContext, vm: number): number {
  const configured = vmAt(context, vm).memoryBytes
  const measured = context.observation.samples.columns.memory?.[vm]
  return measured !== undefined && measured > 0 ? Math.min(configured, measured) : configured
}
