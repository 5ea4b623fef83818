import { type TurnContext, vmAt } from '../../context.ts'
import { hostName, type HostRule } from './rule.ts'

/** Flags named in a sentence before the rest is counted. */
const SHOWN_MAX = 5

/** The host's CPU has what the VM's software needs; and, for a VM that sees its host's CPU as it is, all that the present host offers.
 *  A host whose flags nobody knows is not refused for them. Short by the number of flags. */
export const CPU_FLAGS: HostRule = {
  name: 'cpu-flags',
  lacking: 'cpu-flags',
  shortBy: (context, vm, host) => {
    const { cpuFlags, isHostPassthrough } = vmAt(context, vm)
    return cpuFlags === undefined && isHostPassthrough !== true ? 0 : missingFlags(context, vm, host).length
  },
  reason: (context, vm, host) => {
    const missing = missingFlags(context, vm, host)
    const more = missing.length > SHOWN_MAX ? ` and ${missing.length - SHOWN_MAX} more` : ''
    return `The CPU of ${hostName(context, host)} lacks ${missing.slice(0, SHOWN_MAX).join(', ')}${more}.`
  },
}

/** Flags that the VM needs, or sees at home, and would not find on the host. */
function missingFlags({ fleet, observation, hostOf }: TurnContext, vm: number, host: number): readonly string[] {
  const offered = fleet.flagsOfKind[fleet.kind[host]]
  if (offered.size === 0) return []
  const { cpuFlags = [], isHostPassthrough } = observation.inventory.vms[vm]
  const missing = cpuFlags.filter((flag) => !offered.has(flag))
  const from = hostOf[vm]
  if (isHostPassthrough !== true || from < 0 || fleet.kind[from] === fleet.kind[host]) return missing
  const seen = fleet.flagsOfKind[fleet.kind[from]]
  return [...missing, ...[...seen].filter((flag) => !offered.has(flag) && !missing.includes(flag))]
}
