/** What would have to change for a host that a rule refuses, in words with values. */
import type { Refused } from '../../terms/ranking.ts'
import { type TurnContext, vmAt } from '../context.ts'
import { showCores, showGib, showMinutes } from './rules/rule.ts'

interface Pair {
  readonly vm: number
  readonly host: number
}

/** One sentence. A rule without a remedy of its own is left to the operator. */
export function whatWouldHelp(context: TurnContext, pair: Pair, rule: string, { shortBy }: Refused): string {
  return REMEDIES.get(rule)?.(context, pair, shortBy) ?? 'Ask the operator.'
}

type Remedy = (context: TurnContext, pair: Pair, shortBy: number) => string

const REMEDIES: ReadonlyMap<string, Remedy> = new Map<string, Remedy>([
  ['same-host', () => 'Nothing: it is there.'],
  ['host-state', () => 'The host has to be on, off or starting, and to report.'],
  [
    'memory',
    (context, { host }, bytes) => `${showGib(bytes)} GiB less on it: ${leavers(context, host, memoryOf, bytes)}.`,
  ],
  [
    'allocation',
    (context, { host }, cores) =>
      `${showCores(cores)} cores of VM sizes less on it: ${leavers(context, host, sizeOf, cores)}.`,
  ],
  ['anti-affinity', (context, { vm, host }) => `Its group mate has to leave: ${mates(context, vm, host).join(', ')}.`],
  ['cpu-flags', (_context, _pair, flags) => `A host whose CPU has the missing ${flags}, or a VM that does without.`],
  [
    'barrier',
    () => 'The platform has to say otherwise: `ethos libvirt check` tells what to set. It is asked every five minutes.',
  ],
  ['measured-load', () => 'Reports of the host that agree with those of its VMs.'],
  ['measured-memory', (_context, _pair, bytes) => `${showGib(bytes)} GiB less in use on it.`],
  ['no-return', (_context, _pair, ms) => `${showMinutes(ms)} min of time; or a shorter noReturnMs in the policy.`],
  ['concurrency', (_context, _pair, copies) => `${copies} of its migrations have to end first.`],
  ['convergence', () => 'A calmer hour of the VM, or a faster link between the hosts.'],
  [
    'demand',
    (context, { host }, cores) =>
      `Its upper bound has to fall by ${showCores(cores)} cores; by expected demand: ${leavers(context, host, meanOf, cores)}.`,
  ],
])

type Quantity = (context: TurnContext, vm: number) => number

const memoryOf: Quantity = (context, vm) => vmAt(context, vm).memoryBytes
const sizeOf: Quantity = (context, vm) => context.levels.size[vm]
const meanOf: Quantity = (context, vm) => context.levels.mean[vm]

/** The smallest one VM whose leaving would do, by what it has of the quantity; else how many at least would have to leave. */
function leavers(context: TurnContext, host: number, quantity: Quantity, wanted: number): string {
  const members = context.members[host].filter((vm) => context.inFlight[vm] === 0)
  const enough = members.filter((vm) => quantity(context, vm) >= wanted)
  if (enough.length > 0) {
    const least = enough.reduce((a, b) => (quantity(context, b) < quantity(context, a) ? b : a))
    return `${vmAt(context, least).id} leaving would do`
  }
  let sum = 0
  const falling = members.map((vm) => quantity(context, vm)).sort((a, b) => b - a)
  const count = falling.findIndex((value) => (sum += value) >= wanted) + 1
  return count === 0 ? 'all its VMs leaving would not do' : `at least ${count} of its VMs would have to leave`
}

function mates(context: TurnContext, vm: number, host: number): readonly string[] {
  const group = vmAt(context, vm).antiAffinityGroup
  return context.members[host]
    .filter((other) => other !== vm && vmAt(context, other).antiAffinityGroup === group)
    .map((other) => vmAt(context, other).id)
}
