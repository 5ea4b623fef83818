/** Rules of a site that can't all be kept, found when one is set and not when a move is tried: an unsatisfiable set is a sentence for people, and no motion. */
import { HOST_UNKNOWN, type Inventory } from '../terms/cluster.ts'
import type { Policy } from '../terms/policy.ts'
import type { Vm } from '../terms/vm.ts'
import { showGib } from './suitability/rules/rule.ts'

/** Rules that contradict each other. */
export interface RuleConflict {
  /** What stands against what, and whom it is about: the same of one conflict, whatever its values are. */
  readonly key: string
  /** How much more would have to be there, in VMs, hosts or bytes; 1 where it can't be counted. */
  readonly shortBy: number
  /** One sentence with the values. */
  readonly text: string
  /** What most likely ends it. */
  readonly remedy: string
}

/** Hosts, VMs and what people want of them: pinned VMs are those that nobody moves, and hosts in maintenance those that are to be emptied. */
export type RuledSite = Pick<Inventory, 'hosts' | 'hostStates' | 'vms' | 'hostOf'>

/** VMs named in one sentence. */
const NAMES_MAX = 3

/** What can't be kept whatever goes where. Empty: nothing is known to stand in the way; whether there is room for load is another matter. */
export function findConflicts(site: RuledSite, { limits }: Pick<Policy, 'limits'>): readonly RuleConflict[] {
  const { hostStates, hosts } = site
  const open = hosts.flatMap((_, h) => (hostStates[h] === 'maintenance' ? [] : [h]))
  return [
    ...groupConflicts(site, open),
    ...pinnedInMaintenance(site),
    ...leftWithoutHost(site, open, limits.memoryAllocationMax ?? Infinity),
  ]
}

/** Those that a change brings, or makes worse. */
export function newConflicts(before: readonly RuleConflict[], after: readonly RuleConflict[]): readonly RuleConflict[] {
  const known = new Map(before.map(({ key, shortBy }) => [key, shortBy]))
  return after.filter(({ key, shortBy }) => shortBy > (known.get(key) ?? 0))
}

function keyOf(...what: readonly string[]): string {
  return JSON.stringify(what)
}

/** Anti-affinity against pins, and against the number of hosts. */
function groupConflicts({ vms, hosts, hostOf }: RuledSite, open: readonly number[]): readonly RuleConflict[] {
  const groups = Map.groupBy(vms.keys(), (v) => vms[v].antiAffinityGroup)
  return [...groups].flatMap(([group, members]) => {
    if (group === undefined) return []
    const fixed = members.filter((v) => vms[v].isPinned === true && hostOf[v] !== HOST_UNKNOWN)
    const held = Map.groupBy(fixed, (v) => hostOf[v])
    const together = [...held].flatMap(([host, mates]): RuleConflict[] => {
      if (mates.length < 2) return []
      const names = nameSome(mates.map((v) => vms[v]))
      return [
        {
          key: keyOf('pinned-together', group, hosts[host].id),
          shortBy: mates.length - 1,
          text: `The group "${group}" keeps VMs apart, and ${names} are pinned together on ${hosts[host].id}.`,
          remedy: 'Let all but one of them be moved, or take them out of the group.',
        },
      ]
    })
    const movable = members.length - fixed.length
    const free = open.filter((host) => !held.has(host)).length
    if (movable <= free) return together
    const pinned = fixed.length === 0 ? '' : ` beside those that hold pinned ones of it`
    return [
      ...together,
      {
        key: keyOf('group', group),
        shortBy: movable - free,
        text: `The group "${group}" keeps ${movable} VMs apart, and only ${free} hosts outside maintenance may take one${pinned}.`,
        remedy: 'Bring a host back from maintenance, add one, or make the group smaller.',
      },
    ]
  })
}

function pinnedInMaintenance({ vms, hosts, hostStates, hostOf }: RuledSite): readonly RuleConflict[] {
  return hosts.flatMap(({ id }, h) => {
    if (hostStates[h] !== 'maintenance') return []
    const pinned = vms.filter((vm, v) => hostOf[v] === h && vm.isPinned === true)
    if (pinned.length === 0) return []
    return [
      {
        key: keyOf('pinned', id),
        shortBy: pinned.length,
        text: `${id} is to be emptied, and ${nameSome(pinned)} on it may not be moved.`,
        remedy: 'Take the pin or the opt-out back, or shut the VM down by hand.',
      },
    ]
  })
}

/** VMs on hosts in maintenance that no other host can hold, by what never changes: CPU and memory. */
function leftWithoutHost(site: RuledSite, open: readonly number[], memoryShare: number): readonly RuleConflict[] {
  const { vms, hosts, hostStates, hostOf } = site
  const leaving = [...vms.keys()].filter((v) => hostStates[hostOf[v]] === 'maintenance' && vms[v].isPinned !== true)
  if (leaving.length === 0) return []
  const remedy = 'Bring a host back from maintenance first, or add one.'
  if (open.length === 0)
    return [
      {
        key: keyOf('no-host'),
        shortBy: 1,
        text: `All ${hosts.length} hosts are in maintenance, and none is left to take a VM.`,
        remedy,
      },
    ]
  const roomOf = (host: number): number => hosts[host].memoryBytes * memoryShare
  const offered = flagSets(hosts)
  const single = leaving.flatMap((v): readonly RuleConflict[] => {
    const vm = vms[v]
    const { id, cpuFlags } = hosts[hostOf[v]]
    const needed = [...(vm.cpuFlags ?? []), ...(vm.isHostPassthrough === true ? cpuFlags : [])]
    const able = needed.length === 0 ? open : open.filter((host) => offers(offered[host], needed))
    const about = `${id} is to be emptied, and no host outside maintenance`
    const lack = (what: string, text: string): readonly RuleConflict[] => [
      { key: keyOf(what, vm.id), shortBy: 1, text, remedy },
    ]
    if (able.length === 0) return lack('cpu-flags', `${about} offers all CPU flags that ${vm.id} needs.`)
    if (able.some((host) => roomOf(host) >= vm.memoryBytes)) return []
    return lack('vm-memory', `${about} could hold the ${showGib(vm.memoryBytes, 1)} GiB of ${vm.id}, were it empty.`)
  })
  const isStaying = (vm: Vm, v: number): boolean => vm.isPinned === true && hostStates[hostOf[v]] === 'maintenance'
  const wanted = vms.reduce((sum, vm, v) => sum + (isStaying(vm, v) ? 0 : vm.memoryBytes), 0)
  const room = open.reduce((sum, host) => sum + roomOf(host), 0)
  if (wanted <= room) return single
  const text = `VMs have ${showGib(wanted, 1)} GiB of memory, and hosts outside maintenance may hold ${showGib(room, 1)} GiB.`
  return [...single, { key: keyOf('memory'), shortBy: wanted - room, text, remedy }]
}

/** Flags of each host; hosts that offer the same share one set. */
function flagSets(hosts: RuledSite['hosts']): readonly ReadonlySet<string>[] {
  const distinct = new Map<string, ReadonlySet<string>>()
  return hosts.map(({ cpuFlags }) => {
    const list = JSON.stringify(cpuFlags)
    const known = distinct.get(list) ?? new Set(cpuFlags)
    distinct.set(list, known)
    return known
  })
}

/** A host of which no flags are known is not held to lack any. */
function offers(offered: ReadonlySet<string>, needed: readonly string[]): boolean {
  return offered.size === 0 || needed.every((flag) => offered.has(flag))
}

function nameSome(vms: readonly Vm[]): string {
  const names = vms.slice(0, NAMES_MAX).map(({ id }) => id)
  const more = vms.length - names.length
  return [...names, ...(more > 0 ? [`${more} more`] : [])].join(', ').replace(/, ([^,]*)$/, ' and $1')
}
