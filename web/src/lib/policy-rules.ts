/** Rules that bind single VMs and hosts, who set them, and budgets with their use. */
import type { BudgetView, MigrationsView, OptOutsView, WarningsView } from '../../../src/apps/server/views/moves.ts'
import type { VmView } from '../../../src/apps/server/views/vms.ts'
import { instantText, spanText } from '../../../src/terms/shown.ts'

/** A VM that the policy may not move, or not now. */
export interface BoundVm {
  readonly vm: string
  readonly rule: 'opted out' | 'pinned' | 'left to others' | 'frozen'
  readonly who: string
  readonly since?: number
  readonly reason: string
  readonly host?: string
}

/** Everything that binds VMs one by one, in one list: people first. */
export function boundVms(
  optOuts: OptOutsView,
  vms: readonly VmView[],
  migrations: Pick<MigrationsView, 'leftAlone' | 'frozenVms'>,
): readonly BoundVm[] {
  const hosts = new Map(vms.map(({ vm, host }) => [vm, host]))
  const withHost = (bound: BoundVm): BoundVm => {
    const host = hosts.get(bound.vm)
    return host === undefined ? bound : { ...bound, host }
  }
  return [
    ...optOuts.vms.map(({ vm, who, at, reason }): BoundVm => ({ vm, rule: 'opted out', who, since: at, reason })),
    ...vms.flatMap(({ vm, isPinned }): BoundVm[] =>
      isPinned === true
        ? [{ vm, rule: 'pinned', who: 'its host or its owner', reason: 'The host’s report says that it stays.' }]
        : [],
    ),
    ...Object.entries(migrations.leftAlone).map(
      ([vm, until]): BoundVm => ({
        vm,
        rule: 'left to others',
        who: 'somebody who moved it back twice',
        reason: `The policy leaves it alone until ${instantText(until)}.`,
      }),
    ),
    ...Object.entries(migrations.frozenVms).map(
      ([vm, reason]): BoundVm => ({ vm, rule: 'frozen', who: 'the server', reason }),
    ),
  ].map(withHost)
}

/** VMs that never share a host. */
export interface ApartGroup {
  readonly group: string
  /** By name. */
  readonly vms: readonly string[]
}

/** Groups as hosts report them, the largest first. */
export function apartGroups(vms: readonly Pick<VmView, 'vm' | 'antiAffinityGroup'>[]): readonly ApartGroup[] {
  const members = new Map<string, string[]>()
  for (const { vm, antiAffinityGroup: group } of vms) {
    if (group === undefined) continue
    const known = members.get(group)
    if (known === undefined) members.set(group, [vm])
    else known.push(vm)
  }
  return [...members]
    .map(([group, names]) => ({ group, vms: names.toSorted() }))
    .toSorted((a, b) => b.vms.length - a.vms.length || (a.group < b.group ? -1 : 1))
}

/** `3 of 12 this hour`. */
export function budgetText({ used, most, spanMs }: Pick<BudgetView, 'used' | 'most' | 'spanMs'>): string {
  return `${used} of ${most} ${spanMs === 3_600_000 ? 'this hour' : `in ${spanText(spanMs)}`}`
}

/** `kvm-1 2 of 4, kvm-2 1 of 4`: three at most. */
export function busiestText({ hosts, perHostMost }: Pick<BudgetView, 'hosts' | 'perHostMost'>): string {
  const told = hosts.slice(0, 3).map(({ host, used }) => `${host} ${used} of ${perHostMost}`)
  const more = hosts.length > 3 ? `, and ${hosts.length - 3} more` : ''
  return told.length === 0 ? `none; ${perHostMost} each at most` : told.join(', ') + more
}

const WARNING_BEGIN = 'An operator has to accept first: '

/** What proposals are held by and nobody has accepted yet, in its own words. */
export function openWarnings(proposals: MigrationsView['proposals'], { accepted }: WarningsView): readonly string[] {
  const known = new Set(accepted.map(({ warning }) => warning))
  const held = proposals.flatMap(({ held = '' }) =>
    held.startsWith(WARNING_BEGIN) ? [held.slice(WARNING_BEGIN.length).trim()] : [],
  )
  return [...new Set(held)].filter((warning) => !known.has(warning))
}
