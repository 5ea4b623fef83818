/** Fields that bound what is moved, in the words of docs/policy.md. */
import type { PolicyField } from './policy-field.ts'

export const LIMITS: readonly PolicyField[] = [
  {
    path: 'limits.cpuAllocationMax',
    group: 'limits',
    title: 'VM sizes on a host',
    kind: 'ratio',
    unit: 'times its capacity',
    help: 'Sum of VM sizes that a host may carry, whatever the VMs make of them.',
    empty: 'no limit',
  },
  {
    path: 'limits.memoryAllocationMax',
    group: 'limits',
    title: 'VM memory on a host',
    kind: 'ratio',
    unit: 'times its memory',
    help: 'Sum of configured memory that a host may carry; without it memory is not enforced.',
    empty: 'no limit',
  },
  {
    path: 'limits.migrationsPerHostMax',
    group: 'limits',
    title: 'Migrations of one host at a time',
    kind: 'count',
    unit: 'at most',
    help: 'Out of it and into it together.',
    eager: 'higher',
    empty: 'no limit',
  },
]

type Safety = readonly [name: string, title: string, help: string]
const most = ([name, title, help]: Safety): PolicyField => ({
  path: `safety.${name}`,
  group: 'budgets',
  title,
  kind: 'count',
  unit: 'at most',
  help,
  eager: 'higher',
})

export const BUDGETS: readonly PolicyField[] = [
  most(['movesPerHostHourMax', 'Moves of a host in an hour', 'That a host takes part in.']),
  most(['movesPerClusterHourMax', 'Moves of the cluster in an hour', 'In the cluster.']),
  {
    path: 'safety.movesShareHourMax',
    group: 'budgets',
    title: 'Share of the VMs in an hour',
    kind: 'share',
    unit: 'of VMs',
    help: 'The smaller of both holds, one move always may. A handful of VMs may want more.',
    eager: 'higher',
  },
  most(['energyMovesPerHostHourMax', 'Of these, for energy of a host', 'Moves for energy of a host in an hour.']),
  most([
    'energyMovesPerClusterHourMax',
    'Of these, for energy of the cluster',
    'Never more than half of what the hour holds; one always may.',
  ]),
  most([
    'evacuationsPerHostHourMax',
    'Of an emptied host in an hour',
    'And in a plan as many that a person asks for, of which 4 may begin, whatever stands here.',
  ]),
  most([
    'evacuationsPerClusterHourMax',
    'Of emptied hosts in the cluster',
    'Within an hour; of people’s 12 may begin, whatever stands here.',
  ]),
  most(['outboundPerHostMax', 'Out of one host at a time', 'Migrations out of one host at a time.']),
  most(['migrationsPerSlowLinkMax', 'Of a host below 10 Gbit/s at a time', 'A faster one has the limit of a host.']),
  most(['migrationsPerClusterMax', 'In the cluster at a time', 'Migrations in the cluster at a time.']),
]

export const TRUST: readonly PolicyField[] = [
  {
    path: 'safety.energyLowFraction',
    group: 'trust',
    title: 'Targets of moves for energy stay below',
    kind: 'share',
    unit: 'of capacity',
    help: 'Or below where relief goes on, if that is less.',
    eager: 'higher',
  },
  {
    path: 'safety.settleWindows',
    group: 'trust',
    title: 'A host is measured after an arrival in',
    kind: 'count',
    unit: 'windows',
    help: 'Before another VM comes.',
    eager: 'lower',
  },
  {
    path: 'safety.planAgeMsMax',
    group: 'trust',
    title: 'An order is not begun after',
    kind: 'span',
    help: 'Age beyond which an order is not begun.',
    eager: 'higher',
  },
  {
    path: 'safety.coverageMin',
    group: 'trust',
    title: 'The interval of 90 % has to hold at least',
    kind: 'share',
    unit: 'of what comes',
    help: 'A forecast that holds less is not trusted.',
    eager: 'lower',
  },
  {
    path: 'safety.coverageMax',
    group: 'trust',
    title: 'And holds at most',
    kind: 'share',
    unit: 'of what comes',
    help: 'A forecast that holds more says nothing.',
    eager: 'higher',
  },
  {
    path: 'safety.strikesMax',
    group: 'trust',
    title: 'Orders are advice after',
    kind: 'count',
    unit: 'verdicts',
    help: 'Of twenty moves each that lost money, in a row.',
    eager: 'higher',
  },
]
