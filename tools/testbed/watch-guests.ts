/** Three guests with agents on two real hosts: each works in several ways, one after the other, is moved meanwhile, and reports to one server. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { profileDistance } from '../../src/engine/profile/distance.ts'
import { parsePersonality } from '../../src/terms/personality-codec.ts'
import type { DimensionName, PersonalityVector } from '../../src/terms/personality.ts'
import { REPOSITORY } from '../repository.ts'
import { type Guest, GuestLost } from './guest.ts'
import { startLoad, type Workload } from './loads.ts'
import { Site } from './site.ts'
import { Testbed } from './testbed.ts'

export interface WatchOptions {
  /** Windows to be seen of each kind of work. */
  readonly windows: number
  /** Moves of each guest, spread over its work. */
  readonly moves: number
  /** `all`: three guests and five kinds of work, calls counted both ways, a round of the probes beside each work. `few`: two guests with one kind each, and
   *  one round by tracefs before it; emulated guests are slow, bpftrace in them takes minutes to compile, and `npm test` has half an hour. */
  readonly plan: 'all' | 'few'
  readonly say?: (text: string) => void
}

/** A window in which a guest did nothing but one kind of work. */
export interface WorkWindow {
  readonly kind: Workload
  readonly vector: PersonalityVector
  /** What was really done: requests, transactions, MiB or pages of 4 KiB. */
  readonly donePerSec: number
}

export interface WatchedGuest {
  readonly vm: string
  /** What `virsh domstats` told of the guest while it did each kind of work, look by look with the time before each. */
  readonly recordings: Readonly<Partial<Record<Workload, string>>>
  readonly vectors: readonly PersonalityVector[]
  readonly moves: number
  /** What counted system calls there. */
  readonly counters: string
  /** Vectors that were due since the agent began, by its own interval. */
  readonly made: number
}

export interface Watched {
  readonly guests: readonly WatchedGuest[]
  readonly windows: readonly WorkWindow[]
  end(): Promise<void>
}

/** What each kind of work does more of than the others. */
export const hallmarks: readonly { readonly kind: Workload; readonly dimension: DimensionName }[] = [
  { kind: 'burner', dimension: 'cpuUserShare' },
  { kind: 'dirtier', dimension: 'memoryDirtiedBytesPerSec' },
  { kind: 'writer', dimension: 'diskWriteBytesPerSec' },
  { kind: 'web', dimension: 'netSendBytesPerSec' },
  { kind: 'database', dimension: 'applicationLatencyMsMean' },
]

interface Plan {
  readonly vm: string
  readonly uplink: 'https' | 'virtio'
  /** `tracefs`: by a round before there is work. The others: by one beside each. */
  readonly counting: 'bpftrace' | 'tracefs' | 'what is allowed'
  readonly works: readonly Workload[]
}

const HOSTS = ['host1', 'host2'] as const
const PLANS: Readonly<Record<WatchOptions['plan'], readonly Plan[]>> = {
  all: [
    { vm: 'vm1', uplink: 'https', works: ['burner', 'web'], counting: 'bpftrace' },
    { vm: 'vm2', uplink: 'virtio', works: ['dirtier', 'database'], counting: 'what is allowed' },
    { vm: 'vm3', uplink: 'https', works: ['writer'], counting: 'what is allowed' },
  ],
  few: [
    { vm: 'vm1', uplink: 'https', works: ['web'], counting: 'tracefs' },
    { vm: 'vm2', uplink: 'virtio', works: ['dirtier'], counting: 'tracefs' },
  ],
}
const INTERVAL_MS = 60_000
/** So long a window may keep us waiting: two intervals, and time for a busy emulator. */
const WINDOW_MS_MAX = 240_000
const RECORDED_LOOKS = 8
const LOOK_MS = 5000
const TRIES = 3

/** Builds it all up, lets the guests work, and tells what the server heard. In place of a guest that the emulator spoils another does all of its
 *  work. */
export async function watchGuests(options: WatchOptions): Promise<Watched> {
  const testbed = await Testbed.up(HOSTS.length)
  const site = new Site(testbed, HOSTS)
  const end = async (): Promise<void> => {
    await site.kill()
    await testbed.down()
  }
  try {
    await site.start()
    const plans = PLANS[options.plan]
    const seen = await Promise.all(plans.map((plan) => watchUntilWhole(testbed, site, { ...options, ...plan })))
    return { guests: seen.map(({ guest }) => guest), windows: seen.flatMap(({ windows }) => windows), end }
  } catch (error) {
    // What went wrong first is what counts: the other guests are still being asked while it is all taken down.
    await end().catch((after: unknown) => options.say?.(`taking it down failed too: ${String(after)}`))
    throw error
  }
}

async function watchUntilWhole(testbed: Testbed, site: Site, plan: OnePlan): Promise<WatchedOne> {
  for (let attempt = 1; ; attempt++) {
    // Another name: to the server a second machine under the first one's would be a clone.
    const vm = attempt === 1 ? plan.vm : `${plan.vm}${attempt}`
    try {
      return await watchOne(testbed, site, { ...plan, vm })
    } catch (error) {
      if (!(error instanceof GuestLost) || attempt === TRIES) throw error
      plan.say?.(`another in place of ${vm}, which the emulator lost: ${error.message}`)
      for (const host of HOSTS) await testbed.virsh(host, 'destroy', vm).catch(() => undefined)
    }
  }
}

type OnePlan = WatchOptions & Plan

interface WatchedOne {
  readonly guest: WatchedGuest
  readonly windows: readonly WorkWindow[]
}

async function watchOne(testbed: Testbed, site: Site, plan: OnePlan): Promise<WatchedOne> {
  const { vm, uplink, works, windows: wanted, moves, say } = plan
  const general = ['vm = ' + vm, `uplink = ${uplink}`, `server = ${site.url}`, 'vector-every = 1min', 'window = 1min']
  // Windows are a fifth of what they usually are, so applications are asked five times as often: one that is slow once in 24 s.
  const settings = [...general, '[applications]', 'every = 3s']
  if (plan.counting === 'tracefs') settings.push('[probes]', 'way = tracefs')
  const order = { vm, settings: settings.join('\n') + '\n', ...(uplink === 'https' ? { token: site.token(vm) } : {}) }
  const guest = await testbed.startGuest(HOSTS[0], order)
  // Debian's own setting, 3, keeps bpftrace from everyone but CAP_SYS_ADMIN: one guest counts by bpftrace, the others by tracefs.
  if (plan.counting === 'bpftrace') await guest.does('sysctl -qw kernel.perf_event_paranoid=2')
  say?.(`${vm} is up`)
  if (plan.counting === 'tracefs') await countCalls(guest, say)
  const windows: WorkWindow[] = []
  const recordings: Partial<Record<Workload, string>> = {}
  let moved = 0
  for (const [i, kind] of works.entries()) {
    const load = await startLoad(guest, kind, testbed.addressOf(vm))
    try {
      // A round of both helpers while the work is on, as their timers would have it every five minutes.
      if (plan.counting !== 'tracefs') await countCalls(guest, say)
      await guest.runsUnit('ethos-agent-dirty-pages.service')
      say?.(
        `${vm} was seen to write ${await guest.does('cat /run/ethos/dirty-pages.json 2>/dev/null || echo nothing')}`,
      )
      say?.(`${vm} works as ${kind}`)
      const from = await guest.now()
      const due = Math.ceil((moves * (i + 1)) / works.length)
      for (; moved < due; moved++) await move(guest, say)
      const [found, recording] = await Promise.all([
        windowsSince(site, vm, { from, wanted }),
        record(testbed, guest, RECORDED_LOOKS),
      ])
      recordings[kind] = recording
      const donePerSec = await load.end()
      say?.(`${vm} ${kind}: ${found.length} windows, ${donePerSec.toFixed(1)} done a second`)
      windows.push(...found.map((vector) => ({ kind, vector, donePerSec })))
    } finally {
      // Clients must not outlive a guest that is lost; the second time does nothing.
      await load.end().catch(() => undefined)
    }
  }
  const now = await guest.now()
  const vectors = await site.vectors(vm)
  // From its first vector on the agent makes one a minute; the newest may be on its way.
  const made = vectors.length === 0 ? 1 : Math.floor((now - vectors[0].windowEnd) / INTERVAL_MS)
  const counters = await counterOf(guest)
  return { guest: { vm, counters, vectors, moves: moved, made, recordings }, windows }
}

async function countCalls(guest: Guest, say: WatchOptions['say']): Promise<void> {
  await guest.runsUnit('ethos-agent-probes.service')
  say?.(`${guest.vm} has counted calls by ${await counterOf(guest)}`)
}

function counterOf(guest: Guest): Promise<string> {
  return guest.does(`grep -o '"counter":"[a-z ]*"' /run/ethos/probes.json | head -1 | cut -d'"' -f4`)
}

async function move(guest: Guest, say: WatchOptions['say']): Promise<void> {
  const to = guest.host === HOSTS[0] ? HOSTS[1] : HOSTS[0]
  await guest.moveTo(to)
  say?.(`${guest.vm} runs on ${to}`)
}

/** So many looks from the host, some five seconds apart, as docs/agent.md tells operators to record them. */
async function record(testbed: Testbed, guest: Guest, looks: number): Promise<string> {
  let text = ''
  for (let look = 0; look < looks; look++) {
    if (look > 0) await pause(LOOK_MS)
    const atMs = Date.now()
    text += `${(atMs / 1000).toFixed(3)}\n${await testbed.virsh(guest.host, 'domstats', guest.vm)}`
  }
  return text
}

/** The first windows that lie whole after an instant of the guest's clock, as the server has them. */
async function windowsSince(
  site: Site,
  vm: string,
  { from, wanted }: { readonly from: number; readonly wanted: number },
): Promise<readonly PersonalityVector[]> {
  for (let waitedMs = 0; waitedMs < WINDOW_MS_MAX + wanted * INTERVAL_MS; waitedMs += 1000) {
    const found = (await site.vectors(vm)).filter(({ windowEnd, windowMs }) => windowEnd - windowMs >= from)
    if (found.length >= wanted) return found.slice(0, wanted)
    await pause(1000)
  }
  throw new Error(`${vm} told nothing of the time since its work began`)
}

const RECORDED = join(REPOSITORY, 'tools', 'testbed', 'recorded-workloads.ndjson')

/** The recorded window that is least unlike a vector. They are of another run on other days: `npm run test:long -- guest-workloads` makes them. */
export function nearestRecorded(vector: PersonalityVector): { readonly kind: Workload; readonly distance: number } {
  const recorded = readFileSync(RECORDED, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { kind: Workload; vector: string })
  const measured = recorded.map(({ kind, vector: line }) => ({
    kind,
    distance: profileDistance(parsePersonality(line), vector),
  }))
  const nearest = measured.reduce((best, one) => (one.distance < best.distance ? one : best))
  if (nearest.distance === Infinity) throw new Error(`vector ${vector.sequence} of ${vector.vmId} saw nothing`)
  return nearest
}
