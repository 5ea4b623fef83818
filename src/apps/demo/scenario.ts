/** What `ethos demo --libvirt` plays: three small hosts, five guests, and an evening on which those of one host all want more at once. */
import type { HostCharacteristics } from '../../terms/host.ts'
import { parseHostId, parseVmId } from '../../terms/ids.ts'
import { Luck } from '../../terms/luck.ts'
import { type Policy, PRODUCTION_POLICY } from '../../terms/policy.ts'
import { DAY_MS, type Fraction, HOUR_MS, MiB, MINUTE_MS } from '../../terms/units.ts'
import type { Vm } from '../../terms/vm.ts'

/** Length of a window of measurement, and between turns: as in production. */
export const SLOT_MS = 5 * MINUTE_MS
/** The demo's clock begins here, and ends there: what it calls 0 is this time of day. */
export const BEGINS_AT_MS = 19 * HOUR_MS + 40 * MINUTE_MS
/** Until then no guest wants more than at rest. */
export const QUIET_UNTIL_MS = 18 * MINUTE_MS
export const LASTS_MS = 60 * MINUTE_MS

/** Wants of a guest over its day: corners (minute of the day, share of one core of this machine), straight lines between, the last goes on until the first. */
export type Course = readonly (readonly [minute: number, share: Fraction])[]

export interface DemoGuest {
  /** With a number in it: the testbed makes its addresses from that. */
  readonly name: string
  /** What it stands for. */
  readonly work: string
  /** Index of the host on which it begins. */
  readonly home: number
  readonly memoryMiB: number
  readonly course: Course
}

export interface DemoScenario {
  /** Names. */
  readonly hosts: readonly string[]
  readonly guests: readonly DemoGuest[]
}

/** What a guest of the evening wants when it is busy, and any guest when it is not. */
const BUSY = 0.15
const GUEST_MIB = 96
const QUIET = 0.01

/** Evening: three guests of one host begin within ten minutes of each other at 20:00. Offices by day and reports at night have those hours to themselves. */
export const EVENING: DemoScenario = {
  hosts: ['host1', 'host2', 'host3'],
  guests: [
    guest('vm1', 'news', 0, evening(1198, 1206)),
    guest('vm2', 'films', 0, evening(1200, 1208)),
    guest('vm3', 'games', 0, evening(1202, 1210)),
    guest('vm4', 'offices', 1, [
      [0, QUIET],
      [480, QUIET],
      [540, 0.1],
      [1020, 0.1],
      [1080, QUIET],
    ]),
    guest('vm5', 'reports', 2, [
      [0, QUIET],
      [60, 0.1],
      [240, 0.1],
      [300, QUIET],
    ]),
  ],
}

/** What a guest needs beside, in MiB, to hold the agent's executable (105) and to unpack it from what it boots from. */
const AGENT_MIB = 352

/** The same with guests that have room for the agent. */
export function withAgents(scenario: DemoScenario): DemoScenario {
  const guests = scenario.guests.map((guest) => ({
    ...guest,
    memoryMiB: (guest.memoryMiB / GUEST_MIB) * (GUEST_MIB + AGENT_MIB),
  }))
  return { ...scenario, guests }
}

/** Quiet until it rises, and quiet again some hours later. Minutes of the day. */
function evening(begins: number, isFull: number): Course {
  return [
    [0, QUIET],
    [begins, QUIET],
    [isFull, BUSY],
    [isFull + 100, BUSY],
    [isFull + 120, QUIET],
  ]
}

function guest(name: string, work: string, home: number, course: Course): DemoGuest {
  // Hosts hold as much memory each: nobody is to move for want of that.
  return { name, work, home, memoryMiB: home === 0 ? GUEST_MIB : 3 * GUEST_MIB, course }
}

/** What a guest wants at a time of the demo: share of one core. @param atMs since the demo's beginning; before it is the day before */
export function wantAt({ course }: DemoGuest, atMs: number): Fraction {
  const minute = ((((BEGINS_AT_MS + atMs) % DAY_MS) + DAY_MS) % DAY_MS) / MINUTE_MS
  const next = course.findIndex(([corner]) => corner > minute)
  const [fromMinute, from] = course.at((next < 0 ? course.length : next) - 1) ?? [0, 0]
  if (next <= 0) return from
  const [toMinute, to] = course[next]
  return from + ((to - from) * (minute - fromMinute)) / (toMinute - fromMinute)
}

/** Mean want over the window that ends at `endMs`. */
export function meanWant(guest: DemoGuest, endMs: number, windowMs: number): Fraction {
  const parts = 5
  let sum = 0
  for (let i = 0; i < parts; i++) sum += wantAt(guest, endMs - (windowMs * (i + 0.5)) / parts)
  return sum / parts
}

/** Windows of the day before the demo, oldest first, columns parallel to the guests: the same course with noise, each window some 5 % off, and an
 *  evening that came up to a quarter of an hour earlier or later. Made up, not lived through: at the demo's speed a day takes 24 minutes.
 *  @param about.restShare what a guest costs its host beyond its work: emulated, it needs some of a core to do nothing */
export function imaginePast(
  scenario: DemoScenario,
  about: { readonly windows: number; readonly seed: number; readonly restShare: Fraction },
): readonly Float32Array[] {
  const luck = new Luck(about.seed)
  const late = scenario.guests.map(() => (luck.fraction() - 0.5) * 30 * MINUTE_MS)
  return Array.from({ length: about.windows }, (_, k) => {
    const endMs = (k - about.windows) * SLOT_MS
    return Float32Array.from(scenario.guests, (guest, g) => {
      const want = meanWant(guest, endMs - late[g], SLOT_MS) + about.restShare
      return Math.max(0, want * (1 + 0.05 * luck.normal()))
    })
  })
}

/** What a host needs beside its guests' CPUs, share of a core: libvirtd, and what QEMU does besides, copies of memory among it. */
const OWN_SHARE = 0.1

/** What each host has for its guests, share of a core: so much that one busy guest and one at rest fill it as far as the policy lets a target be filled,
 *  with three tenths to spare; never more than the machine has. Three busy ones want half as much again as it has.
 *  @param restShare what a guest costs at rest, beside its work */
export function shareOfHost(scenario: DemoScenario, restShare: Fraction, machineCores: number): Fraction {
  const wanted = (1.3 * (BUSY + restShare) + 1.3 * (QUIET + restShare)) / DEMO_POLICY.contention.lowFraction
  return Math.min(wanted, (0.95 * machineCores) / scenario.hosts.length - OWN_SHARE)
}

/** What a host is limited to, its own needs included. */
export function quotaOfHost(share: Fraction): Fraction {
  return share + OWN_SHARE
}

/** The hosts as a balancer sees them: one core each, as fast as the share of a core that they may use. */
export function hostsOf({ hosts, guests }: DemoScenario, share: Fraction): readonly HostCharacteristics[] {
  const memoryMib = guests.reduce((sum, { memoryMiB }) => sum + memoryMiB, 0)
  return hosts.map((name) => ({
    id: parseHostId(name),
    model: 'testbed host',
    cpuType: 'QEMU, emulated',
    cpuFlags: [],
    cores: 1,
    refCoresPerCore: share,
    memoryBytes: memoryMib * MiB,
    storageType: 'network',
    networkBytesPerSec: 125e6,
    powerWatts: Array.from({ length: 11 }, (_, i) => 100 + 10 * i),
    benchmarks: {},
  }))
}

/** The guests as a balancer sees them: one CPU each, that may use what a host has. */
export function vmsOf({ guests }: DemoScenario, share: Fraction): readonly Vm[] {
  return guests.map(({ name, memoryMiB }) => ({
    id: parseVmId(name),
    vcpus: 1,
    refCoresPerVcpu: share,
    memoryBytes: memoryMiB * MiB,
  }))
}

/** Production's policy, but that it remembers a whole day, looks two hours ahead, and empties no host: the evening of the day before is all that it has to
 *  foresee this one by. */
export const DEMO_POLICY: Policy = {
  ...PRODUCTION_POLICY,
  name: 'demo',
  forecast: { ...PRODUCTION_POLICY.forecast, lookBackMs: DAY_MS, horizonMs: 2 * HOUR_MS, quantile: 0.9 },
  contention: { ...PRODUCTION_POLICY.contention, triggerProbability: 0.1 },
  consolidation: { ...PRODUCTION_POLICY.consolidation, isEnabled: false },
}
